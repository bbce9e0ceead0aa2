"""The table of voices (``voices.csv``): who they are, where they come from, what they may be used
for.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from deploy.checkpoints.paths import HERE

TABLE = HERE / "voices.csv"
FIELDS = (
    "voice", "person", "language", "sex", "style", "package", "pattern",
    "licence", "split", "weight", "pitch_hz", "minutes",
)  # fmt: skip


@dataclass(frozen=True)
class Voice:
    """One label of one package. Voices of one ``person`` are always on one side of the split."""

    voice: str
    person: str  # one language of the volunteer projects counts as one person: they reuse speakers
    language: str
    sex: str  # "f" or "m"; from names and credits, else from the pitch
    style: str  # running | acted | words | syllables | synthetic
    package: str
    pattern: str  # files inside the package, "queen:ROLE" in that game's archive, or "ENGINE:VOICE"
    licence: str
    split: str  # train | development | heldout
    weight: float  # how often it is drawn in training, 1 = as often as any
    pitch_hz: float = 0.0  # median fundamental frequency, measured
    minutes: float = 0.0  # of speech after trimming, measured


def read(path: Path = TABLE) -> list[Voice]:
    """All voices, in the order of the file."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    plain = [{key: row[key] for key in FIELDS[:9]} for row in rows]
    return [
        Voice(
            **text,
            weight=float(row["weight"]),
            pitch_hz=float(row["pitch_hz"] or 0),
            minutes=float(row["minutes"] or 0),
        )
        for text, row in zip(plain, rows, strict=True)
    ]


def by_name() -> dict[str, Voice]:
    """The table by voice."""
    return {voice.voice: voice for voice in read()}


def write(voices: Iterable[Voice], path: Path = TABLE) -> None:
    """Write the table back with what was measured."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({field: getattr(voice, field) for field in FIELDS} for voice in voices)


def people(voices: Iterable[Voice]) -> dict[str, set[str]]:
    """Person -> the sides of the split they are on (more than one is an error)."""
    sides: dict[str, set[str]] = {}
    for voice in voices:
        sides.setdefault(voice.person, set()).add(voice.split)
    return sides


def measured(voice: Voice, pitch_hz: float, minutes: float) -> Voice:
    """The voice with its measures; a sex that is not known is read from the pitch (165 Hz lies
    between).
    """
    sex = voice.sex or ("" if not pitch_hz else "f" if pitch_hz > 165 else "m")
    return replace(voice, sex=sex, pitch_hz=round(pitch_hz, 1), minutes=round(minutes, 2))


def collection(voice: Voice) -> str:
    """What packages of one origin have in common: they share studio, line and codec."""
    return voice.package.partition("-")[0]
