"""What the teacher hears of every training voice, frame by frame: where the encoder's states should
point, and what lies under it.

The direction of a whole voice, which it was until 17,000 steps, teaches who speaks; a few hundred
voices are soon known by heart, and others are not heard any better. What the teacher hears around a
frame teaches how to listen.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deploy.checkpoints import pool
from deploy.checkpoints.corpus import Speech
from deploy.checkpoints.paths import derived
from deploy.checkpoints.pool import SHORTEST_S, UNCHANGED, VARIANTS, PoolVoice, Variant
from deploy.checkpoints.speech import SAMPLE_RATE
from deploy.checkpoints.teacher import Teacher
from deploy.checkpoints.voices import Voice

SECONDS = 160.0  # of each variant of a voice at most
DEEP = 96  # principal components of the frames that the teacher pools
SURVEYED, SURVEYED_S = 120, 6  # voices and seconds of each that means and components are of

Floats = npt.NDArray[np.float32]


def load(
    voices: list[Voice], cache: Path, variants: tuple[Variant, ...] = VARIANTS
) -> list[PoolVoice]:
    """All voices in all variants with what the teacher hears, from the cache or asked now."""
    listener = _Listener(voices, cache)
    loaded = [listener.load(voice, variant) for voice in voices for variant in variants]
    return [voice for voice in loaded if voice.speech.seconds > SHORTEST_S]


@dataclass(frozen=True)
class Survey:
    """The mean of the teacher's embeddings (192); the mean of its frames (512) and what takes them
    less that to their principal components (512, ``DEEP``), of a variance of 1 on average.
    """

    centre: Floats
    mean: Floats
    basis: Floats


class _Listener:
    def __init__(self, voices: list[Voice], cache: Path) -> None:
        self._voices, self._cache = voices, cache
        # what is kept depends on the survey, and the survey on the voices
        self._folder = derived(cache) / f"tracks-{SECONDS:g}-of-{len(voices)}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._teacher: Teacher | None = None
        self._survey = self._surveyed()

    def load(self, voice: Voice, variant: Variant) -> PoolVoice:
        name = f"{voice.voice}*{variant}"
        stored = self._folder / f"{name}.npz"
        if not stored.exists():
            whole = pool.at(voice, variant, self._cache)
            speech = shortened(whole, sum(map(ord, name)))
            local, frames = self._ask(speech.samples)
            deep = ((frames - self._survey.mean) @ self._survey.basis).astype(np.float16)
            np.savez(
                stored, samples=speech.samples, bounds=speech.bounds,
                recording=speech.recording, local=local, deep=deep,
            )  # fmt: skip
        with np.load(stored) as arrays:
            speech = Speech(arrays["samples"], arrays["bounds"], arrays["recording"])
            # where the encoder is unsure it answers the mean: it must not make voices alike
            local = arrays["local"] - self._survey.centre
            local /= np.linalg.norm(local, axis=1, keepdims=True)
            return PoolVoice(voice, variant, speech, local.astype(np.float16), arrays["deep"])

    def _surveyed(self) -> Survey:
        stored = self._folder / "survey.npz"
        if not stored.exists():
            chosen = self._voices[:: -(-len(self._voices) // SURVEYED)]
            heard = [
                self._ask(
                    pool.at(voice, UNCHANGED, self._cache).samples[: SURVEYED_S * SAMPLE_RATE]
                )
                for voice in chosen
            ]
            local, frames = (np.concatenate(part) for part in zip(*heard, strict=True))
            mean, deviation = frames.mean(0), frames.std(0).clip(1e-2)
            values, vectors = np.linalg.eigh(np.cov(((frames - mean) / deviation).T))
            basis = vectors[:, -DEEP:] / deviation[:, None] / np.sqrt(values[-DEEP:].mean())
            centre = local.astype(np.float32).mean(0)
            np.savez(stored, centre=centre, mean=mean, basis=basis.astype(np.float32))
        with np.load(stored) as arrays:
            return Survey(arrays["centre"], arrays["mean"], arrays["basis"])

    def _ask(self, samples: npt.NDArray[np.int16]) -> tuple[npt.NDArray[np.float16], Floats]:
        self._teacher = self._teacher or Teacher()
        return self._teacher.local(np.asarray(samples / 32768, np.float32))


def shortened(speech: Speech, seed: int) -> Speech:
    """At most ``SECONDS`` of consecutive stretches, from a random one on, joined without what lies
    between them.
    """
    first = int(np.random.default_rng(seed).integers(len(speech.bounds)))
    order = np.roll(np.arange(len(speech.bounds)), -first)
    lengths = speech.bounds[order, 1] - speech.bounds[order, 0]
    count = int(np.searchsorted(np.cumsum(lengths), SECONDS * SAMPLE_RATE, side="right")) + 1
    order, lengths = order[:count], lengths[:count]
    samples = np.concatenate([speech.samples[slice(*speech.bounds[index])] for index in order])
    ends = np.cumsum(lengths)
    return Speech(samples, np.stack([ends - lengths, ends], 1), speech.recording[order])
