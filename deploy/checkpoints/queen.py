"""Reads the speech of *Flight of the Amazon Queen* out of the game's archive.

The archive is a table of 21-byte entries (name, bundle, offset, size; big-endian) after a 15-byte
header. Speech is MPEG audio in entries ``DDDDLLRn.SB``: dialogue, line, role letter (J is the
hero, P the person spoken to) and part. Which dialogues share an actor is in ``queen_roles.csv``,
found by clustering the teacher's embeddings (centred, average linkage, cosine distance 0.7);
nobody listened.
"""

import csv
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av

from deploy.checkpoints import speech
from deploy.checkpoints.paths import HERE
from deploy.checkpoints.speech import Samples

ARCHIVE = "usr/share/scummvm/flight-of-the-amazon-queen/queen.1c"
ROLES = HERE / "queen_roles.csv"
HEADER = 15
ENTRY = struct.Struct(">12sBII")


@dataclass(frozen=True)
class Line:
    """One spoken line in the archive."""

    name: str
    offset: int
    size: int


def lines(archive: bytes) -> list[Line]:
    """Every speech entry of the archive's table."""
    [count] = struct.unpack_from(">H", archive, HEADER - 2)
    entries = (ENTRY.unpack_from(archive, HEADER + ENTRY.size * index) for index in range(count))
    named = (
        (name.rstrip(b"\0").decode("latin1"), offset, size) for name, _, offset, size in entries
    )
    return [
        Line(name.removesuffix(".SB"), offset, size)
        for name, offset, size in named
        if name.endswith(".SB")
    ]


def group(name: str) -> str:
    """Lines of one dialogue and role have one actor; cut scenes are numbered otherwise and stand
    alone.
    """
    return name[:4] + name[-2] if name[0].isdigit() and len(name) >= 6 else name


def recordings(role: str, folder: Path) -> Iterator[tuple[str, Samples]]:
    """Name and samples of the role's lines, in a fixed random order."""
    with ROLES.open(newline="", encoding="utf-8") as file:
        wanted = {row["group"] for row in csv.DictReader(file) if row["role"] == role}
    archive = (folder / ARCHIVE).read_bytes()
    found = [line for line in lines(archive) if group(line.name) in wanted]
    random.Random(role).shuffle(found)
    for line in found:
        try:
            yield line.name, speech.decode(archive[line.offset : line.offset + line.size], "mp3")
        except (av.FFmpegError, ValueError, IndexError):
            continue
