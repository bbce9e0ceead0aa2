"""Where a recording is cut: chunk length, overlap, and silences near the wanted place."""

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from consumer.inference.results import SAMPLE_RATE, Waveform

SHORTEST_S = 0.1
_WINDOW = SAMPLE_RATE // 5  # 0.2 s: longer than the closure of a plosive within a word
_HOP = SAMPLE_RATE // 100
_FLOOR = 1e-10  # -100 dB of full scale: everything below is as silent
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Cutting:
    """How to cut, in seconds.

    Args:
        chunk_s: length of a chunk, its overlap included; the last one may be shorter.
        overlap_s: how much of a chunk's end its successor repeats.
        tolerance_s: how far a cut may move from its place to fall into a silence.

    Raises:
        ValueError: a chunk could bring nothing new.
    """

    chunk_s: float = 30.0
    overlap_s: float = 0.0
    tolerance_s: float = 0.0

    def __post_init__(self) -> None:
        if not (self.overlap_s >= 0 and self.tolerance_s >= 0 and math.isfinite(self.chunk_s)):
            raise ValueError("chunk length, overlap and tolerance must be finite and not negative")
        if not self.chunk_s - self.overlap_s - self.tolerance_s >= SHORTEST_S:
            raise ValueError(
                f"chunks of {self.chunk_s:g} s are too short for {self.overlap_s:g} s of overlap "
                f"and {self.tolerance_s:g} s of tolerance: each must bring at least {SHORTEST_S} s"
            )


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk to be: samples `start` to `stop` of its recording, 16 kHz."""

    recording_id: str
    sequence: int
    start: int
    stop: int
    last: bool

    @property
    def chunk_id(self) -> str:
        """Its place in milliseconds: cutting again gives the same, cutting differently others."""
        begin, end = (round(1000 * at / SAMPLE_RATE) for at in (self.start, self.stop))
        return f"{begin:09d}-{end:09d}"

    @property
    def path(self) -> str:
        """Where its object lies below the destination, without an ending."""
        return f"{_folder(self.recording_id)}/{self.chunk_id}"


def plan(waveform: Waveform, recording_id: str, cutting: Cutting) -> list[Piece]:
    """The chunks of a recording, in order; together they are all of it.

    Args:
        waveform: shape (samples,), float32, 16 kHz.
        recording_id: its id.
        cutting: how to cut.
    """
    spans = list(_spans(waveform, cutting))
    return [
        Piece(recording_id, number, start, stop, last=number == len(spans) - 1)
        for number, (start, stop) in enumerate(spans)
    ]


def _spans(waveform: Waveform, cutting: Cutting) -> Iterator[tuple[int, int]]:
    length, overlap, tolerance = (
        round(seconds * SAMPLE_RATE)
        for seconds in (cutting.chunk_s, cutting.overlap_s, cutting.tolerance_s)
    )
    start = 0
    while start + length + tolerance < len(waveform):
        stop = _quietest(waveform, start + length, tolerance)
        yield start, stop
        start = stop - overlap
    yield start, len(waveform)


def _quietest(waveform: Waveform, wanted: int, tolerance: int) -> int:
    """The middle of the quietest window near `wanted`; of equally quiet ones (1 dB) the nearest."""
    half = _WINDOW // 2
    reach = tolerance // _HOP
    places = wanted + _HOP * np.arange(-reach, reach + 1)
    begin = max(int(places[0]) - half, 0)
    power = waveform[begin : int(places[-1]) + half].astype(np.float64) ** 2
    until = np.concatenate(([0.0], np.cumsum(power)))
    first = np.clip(places - half - begin, 0, len(power))
    behind = np.clip(places + half - begin, 0, len(power))
    mean = (until[behind] - until[first]) / np.maximum(behind - first, 1)
    level = np.round(10 * np.log10(np.maximum(mean, _FLOOR)))
    return int(places[np.lexsort((abs(places - wanted), level))[0]])


def _folder(recording_id: str) -> str:
    """A folder of its own for any id, the same in a URL, a bucket and a file system."""
    safe = _UNSAFE.sub("_", recording_id)[:100].strip(".")
    if safe == recording_id:
        return safe
    return f"{safe}-{hashlib.sha256(recording_id.encode()).hexdigest()[:8]}"
