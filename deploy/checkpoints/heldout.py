"""The held-out conversations: specified, drawn from a seed, their manifest frozen and hashed.

Voices, sentences, rooms and recorded noise are none of training's. The audio is made again from
the manifest when it is needed; the manifest (``heldout.csv``) and its hash (``heldout.sha256``)
are in the repository and were there before the training that is reported.
"""

import csv
import hashlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from deploy.checkpoints import material, pool, rooms, voices
from deploy.checkpoints.conversations import noises
from deploy.checkpoints.paths import HERE
from deploy.checkpoints.pool import PoolVoice
from deploy.checkpoints.sessions import Acoustics, Span, fill, mix
from deploy.checkpoints.speech import SAMPLE_RATE, Samples
from deploy.checkpoints.turns import Manner, draw_manner, turns
from deploy.checkpoints.voices import Voice

MANIFEST = HERE / "heldout.csv"
HASH = HERE / "heldout.sha256"
NOISE = ("restaurant",)


@dataclass(frozen=True)
class Specification:
    """What the held-out set is. Changing anything here is another set."""

    seed: int = 20261122
    speakers: tuple[int, ...] = (16, 40, 32, 24)  # conversations with 1, 2, 3, 4 voices
    meetings: tuple[int, ...] = (0, 4, 8, 8)  # long ones, for linking across chunks
    seconds: tuple[float, float] = (30.0, 90.0)
    meeting_seconds: tuple[float, float] = (150.0, 240.0)
    overlap: tuple[float, float] = (
        0.05,
        0.20,
    )  # share of the speech, where there are two voices or more
    least_s: float = 4.0  # of every voice
    room: float = 0.6  # chance of a room; reverberation time as in rooms.draw_room
    noise: float = 0.6
    snr_db: tuple[float, float] = (10.0, 30.0)
    telephone: float = 0.15  # chance of a band of 200 to 3500 Hz
    opus: float = 0.15  # chance of Opus at 24 kbit/s
    spread_db: float = 3.0  # standard deviation of the levels is half of it
    colour_db: float = 4.0


@dataclass(frozen=True)
class Entry:
    """One conversation of the manifest."""

    recording: str
    seed: int
    seconds: float
    speakers: int
    voices: str  # separated by blanks
    overlap: float
    t60: float  # 0 is a dry recording
    snr_db: float  # 0 is no noise
    line: str  # "", "telephone" or "opus"


@dataclass(frozen=True)
class Recording:
    """A held-out conversation: audio and who spoke when."""

    entry: Entry
    samples: Samples
    spans: list[Span]


def chosen() -> list[Voice]:
    """The held-out voices with at least 30 s of speech."""
    return [voice for voice in voices.read() if voice.split == "heldout" and voice.minutes >= 0.5]


def talkers(cache: Path) -> list[PoolVoice]:
    """The chosen voices with their speech."""
    return pool.load(chosen(), cache)


def _draw(
    rng: np.random.Generator, cast: list[PoolVoice], seconds: float
) -> tuple[list[Samples], list[Span], Manner]:
    manner = draw_manner(rng, len(cast) > 1)
    drawn = turns(rng, len(cast), seconds, manner)
    tracks, spans = fill(
        rng, drawn, [entry.speech for entry in cast], manner, int(seconds * SAMPLE_RATE)
    )
    return tracks, spans, manner


def shares(spans: list[Span], speakers: int, seconds: float) -> tuple[float, float]:
    """The share of speech that overlaps, and the seconds of the speaker who speaks least."""
    active = np.zeros((int(seconds * 100) + 1, speakers), bool)
    for span in spans:
        active[span.start // 160 : span.end // 160, span.speaker] = True
    spoken = active.any(1).sum()
    return float((active.sum(1) > 1).sum() / max(spoken, 1)), float(active.sum(0).min() / 100)


def render(
    entry: Entry, everyone: list[PoolVoice], background: list[Samples], spec: Specification
) -> Recording:
    """The audio of an entry."""
    rng = np.random.default_rng(entry.seed)
    by_name = {voice.voice.voice: voice for voice in everyone}
    cast = [by_name[name] for name in entry.voices.split()]
    tracks, spans, _ = _draw(rng, cast, entry.seconds)
    response = None
    if entry.t60:
        room = rooms.draw_room(rng)
        response = rooms.responses(rng, rooms.Room(room.sides, entry.t60), len(cast))
    acoustics = Acoustics(
        responses=response,
        gains_db=tuple(rng.normal(0, spec.spread_db / 2, len(cast))),
        colour_db=spec.colour_db,
        band=(200.0, 3500.0) if entry.line == "telephone" else None,
        snr_db=entry.snr_db or None,
        opus_bps=24_000 if entry.line == "opus" else None,
    )
    noise = background[int(rng.integers(len(background)))] if entry.snr_db else None
    return Recording(entry, mix(rng, tracks, acoustics, noise), spans)


def backgrounds() -> list[Samples]:
    """The held-out noise: a recorded restaurant, and coloured noise."""
    return noises(np.random.default_rng(3), material.recorded_noise(NOISE), [])


def specify(everyone: list[PoolVoice], spec: Specification = Specification()) -> list[Entry]:
    """Draw a manifest: seeds are tried until a conversation keeps the specification."""
    rng = np.random.default_rng(spec.seed)
    weights = np.array([voice.voice.weight for voice in everyone])
    people = np.array([voice.voice.person for voice in everyone])
    entries: list[Entry] = []
    for kind, counts, length in (
        ("c", spec.speakers, spec.seconds),
        ("m", spec.meetings, spec.meeting_seconds),
    ):
        for speakers, count in enumerate(counts, 1):
            for number in range(count):
                chosen: list[int] = []
                while len(chosen) < speakers:
                    allowed = weights * ~np.isin(people, people[chosen])
                    chosen.append(int(rng.choice(len(weights), p=allowed / allowed.sum())))
                cast = [everyone[index] for index in chosen]
                seconds = round(float(rng.uniform(*length)), 1)
                while True:
                    seed = int(rng.integers(2**31))
                    _, spans, _ = _draw(np.random.default_rng(seed), cast, seconds)
                    overlap, least = shares(spans, speakers, seconds)
                    if least >= spec.least_s and (
                        speakers == 1 or spec.overlap[0] <= overlap <= spec.overlap[1]
                    ):
                        break
                line = rng.choice(
                    ["telephone", "opus", ""],
                    p=[spec.telephone, spec.opus, 1 - spec.telephone - spec.opus],
                )
                entries.append(
                    Entry(
                        f"{kind}{speakers}-{number:02d}", seed, seconds, speakers,
                        " ".join(voice.voice.voice for voice in cast), round(overlap, 3),
                        _maybe(rng, spec.room, (0.15, 0.6), 2),
                        _maybe(rng, spec.noise, spec.snr_db, 1), str(line),
                    )
                )  # fmt: skip
    return entries


def _maybe(
    rng: np.random.Generator, chance: float, bounds: tuple[float, float], digits: int
) -> float:
    return round(float(rng.uniform(*bounds)), digits) if rng.random() < chance else 0.0


def freeze(cache: Path) -> str:
    """Write the manifest and its hash; returns the hash."""
    with MANIFEST.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Entry)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(entry) for entry in specify(talkers(cache)))
    digest = hashlib.sha256(MANIFEST.read_bytes() + repr(Specification()).encode()).hexdigest()
    HASH.write_text(digest + "\n", encoding="utf-8")
    return digest


def manifest() -> list[Entry]:
    """The frozen manifest; ``ValueError`` where it or the specification was changed."""
    digest = hashlib.sha256(MANIFEST.read_bytes() + repr(Specification()).encode()).hexdigest()
    if digest != HASH.read_text(encoding="utf-8").strip():
        raise ValueError("the held-out manifest or its specification is not the frozen one")
    with MANIFEST.open(newline="", encoding="utf-8") as file:
        return [
            Entry(
                row["recording"], int(row["seed"]), float(row["seconds"]), int(row["speakers"]),
                row["voices"], float(row["overlap"]), float(row["t60"]), float(row["snr_db"]),
                row["line"],
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip
