"""Draws training conversations without end: who, where, through what, from easy to hard."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from deploy.checkpoints import rooms, silence
from deploy.checkpoints.pool import UNCHANGED, PoolVoice
from deploy.checkpoints.sessions import Acoustics, Span, fill, mix
from deploy.checkpoints.speech import SAMPLE_RATE, Samples
from deploy.checkpoints.turns import draw_manner, turns

FAR = 1.19  # ratio of pitches, or of formants, that makes two voices of one
NEAR = 1.12  # ratio of pitches, a standard deviation of voices that are drawn to be alike
BANDS = ((200.0, 3500.0), (120.0, 3800.0), (80.0, 5500.0), (60.0, 7200.0))


@dataclass(frozen=True)
class Difficulty:
    """What a conversation may be like."""

    speakers: tuple[float, ...] = (0.14, 0.34, 0.26, 0.26)  # chance of 1, 2, 3, 4
    overlap: float = 0.8  # chance that speech may overlap
    room: float = 0.5
    noise: float = 0.6
    band: float = 0.25
    opus: float = 0.06
    colour_db: float = 8.0
    spread_db: float = 5.0  # of the speakers' levels
    same_package: float = 0.3  # chance that all voices come from one package
    same_person: float = 0.2  # chance that two are two variants of one person
    same_pitch: float = 0.5  # chance that all speak about as high: those are mistaken for another
    telephone: float = 0.5  # chance of 8 kHz: a filter alone leaves traces of what lies above
    nobody: float = 0.05  # chance that nobody speaks at all


@dataclass(frozen=True)
class Conversation:
    """Audio, who spoke when, and which pool voices the speakers are."""

    samples: Samples
    spans: list[Span]
    voices: list[int]


class Conversations:
    """The source of training conversations."""

    def __init__(
        self, pool: list[PoolVoice], spaces: list[list[Samples]], noises: list[Samples]
    ) -> None:
        self.pool, self._spaces, self._noises = pool, spaces, noises
        weights = np.array([entry.chance for entry in pool])
        weights *= np.array([5.0 if entry.variant == UNCHANGED else 1.0 for entry in pool])
        self._weights = weights / weights.sum()
        self._people = np.array([entry.voice.person for entry in pool])
        self._packages = np.array([entry.voice.package for entry in pool])
        self._pitches = np.log([entry.pitch_hz for entry in pool])
        self._heights = np.log([(entry.variant.speed, entry.variant.tract) for entry in pool])

    def draw(
        self, rng: np.random.Generator, seconds: float, difficulty: Difficulty
    ) -> Conversation:
        """One conversation of ``seconds``."""
        if difficulty.nobody and rng.random() < difficulty.nobody:
            return Conversation(silence.draw(rng, self._noises, int(seconds * SAMPLE_RATE)), [], [])
        count = 1 + int(rng.choice(len(difficulty.speakers), p=difficulty.speakers))
        chosen = self._cast(rng, count, difficulty)
        manner = draw_manner(rng, bool(rng.random() < difficulty.overlap))
        drawn = turns(rng, len(chosen), seconds, manner)
        voices = [self.pool[index].speech for index in chosen]
        tracks, spans = fill(rng, drawn, voices, manner, int(seconds * SAMPLE_RATE))
        noisy = rng.random() < difficulty.noise
        acoustics = Acoustics(
            responses=self._seats(rng, len(chosen)) if rng.random() < difficulty.room else None,
            gains_db=tuple(rng.normal(0, difficulty.spread_db / 2, len(chosen))),
            colour_db=float(rng.uniform(0, difficulty.colour_db)),
            band=BANDS[int(rng.integers(len(BANDS)))] if rng.random() < difficulty.band else None,
            snr_db=float(rng.uniform(5, 30)) if noisy else None,
            opus_bps=int(rng.choice((12_000, 16_000, 24_000)))
            if rng.random() < difficulty.opus
            else None,
        )
        noise = self._noises[int(rng.integers(len(self._noises)))] if noisy else None
        samples = mix(rng, tracks, acoustics, noise)
        if rng.random() < difficulty.telephone:
            samples = telephone(samples)
        return Conversation(samples, spans, chosen)

    def _seats(self, rng: np.random.Generator, count: int) -> list[Samples]:
        space = self._spaces[int(rng.integers(len(self._spaces)))]
        return [space[int(index)] for index in rng.permutation(len(space))[:count]]

    def _cast(self, rng: np.random.Generator, count: int, difficulty: Difficulty) -> list[int]:
        weights = self._weights
        count = min(count, len(set(self._people)))
        first = int(rng.choice(len(weights), p=weights))
        chosen = [first]
        if rng.random() < difficulty.same_package:
            inside = weights * (self._packages == self._packages[first])
            if len(set(self._people[inside > 0])) >= count:
                weights = inside
        if difficulty.same_pitch and rng.random() < difficulty.same_pitch:
            apart = (self._pitches - self._pitches[first]) / np.log(NEAR)
            weights = weights * np.exp(-0.5 * apart**2)
        while len(chosen) < count:
            allowed = weights * ~np.isin(self._people, self._people[chosen])
            if len(chosen) == 1 and rng.random() < difficulty.same_person:
                far = np.abs(self._heights - self._heights[first]).max(1) > np.log(FAR)
                voice = np.array(
                    [entry.voice.voice == self.pool[first].voice.voice for entry in self.pool]
                )
                if (voice & far).any():
                    allowed = (voice & far).astype(float)
            chosen.append(int(rng.choice(len(allowed), p=allowed / allowed.sum())))
        return chosen


@dataclass(frozen=True)
class Sources:
    """Conversations of voices that the encoder learns from, and of strangers: of those the head
    learns alone, as of voices that a model meets when it is used.
    """

    known: Conversations
    strangers: Conversations


def telephone(samples: Samples) -> Samples:
    """What is left of it at 8 kHz."""
    narrow = soxr.resample(samples, SAMPLE_RATE, SAMPLE_RATE // 2)
    wide = soxr.resample(narrow, SAMPLE_RATE // 2, SAMPLE_RATE)[: len(samples)]
    return np.pad(wide, (0, len(samples) - len(wide)))


def spaces(rng: np.random.Generator, count: int) -> list[list[Samples]]:
    """``count`` rooms with six seats each."""
    return [rooms.responses(rng, rooms.draw_room(rng), 6) for _ in range(count)]


def noises(
    rng: np.random.Generator, recorded: list[Samples], pool: list[PoolVoice]
) -> list[Samples]:
    """Recorded backgrounds, babble of the pool's voices and coloured noise; 20 s each."""
    length = 20 * SAMPLE_RATE
    result: list[npt.NDArray[Any]] = [
        part for clip in recorded for part in np.array_split(clip, max(1, len(clip) // length))
    ]
    for _ in range(6 if pool else 0):
        talkers = int(rng.integers(5, 10))
        result.append(np.sum([_run(rng, pool, length) for _ in range(talkers)], axis=0))
    for slope in (0.0, 0.5, 1.0, 1.0, 1.5):
        spectrum = rng.normal(size=length // 2 + 1) + 1j * rng.normal(size=length // 2 + 1)
        frequency = np.maximum(np.arange(length // 2 + 1), 40)
        result.append(np.fft.irfft(spectrum / frequency**slope))
    return [(clip / max(float(np.abs(clip).max()), 1e-6)).astype(np.float32) for clip in result]


def _run(rng: np.random.Generator, pool: list[PoolVoice], length: int) -> npt.NDArray[np.float32]:
    samples = pool[int(rng.integers(len(pool)))].speech.samples
    start = int(rng.integers(max(1, len(samples) - length)))
    return np.resize(samples[start : start + length] / np.float32(32768), length)
