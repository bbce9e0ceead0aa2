"""When the chunks of a working day arrive: people meet on the hour."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_HOUR_S = 3600.0
# Meetings begun in each hour from 8 to 18, as shares: a busy morning, lunch, a busy afternoon.
_BY_HOUR = (0.07, 0.12, 0.14, 0.13, 0.06, 0.10, 0.13, 0.11, 0.09, 0.05)
_FIRST_HOUR = 8
_ON_THE_HOUR = 0.7  # the others begin on the half hour
_LATE_S = 120.0  # how late people are, on average
_LENGTHS_H = ((0.25, 0.2), (0.5, 0.45), (1.0, 0.35))  # length and share


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Chunks in the order they arrive: times in seconds from midnight, and their partitions."""

    times_s: NDArray[np.float64]
    partitions: NDArray[np.intp]


def working_day(recorded_hours: float, chunk_s: float, partitions: int, *, seed: int) -> Arrivals:
    """A day with about so many recorded hours; a meeting's chunks arrive as it goes on."""
    rng = np.random.default_rng(seed)
    mean_h = sum(length * share for length, share in _LENGTHS_H)
    count = max(1, round(recorded_hours / mean_h))
    hours = rng.choice(len(_BY_HOUR), count, p=_BY_HOUR) + _FIRST_HOUR
    begins = (hours + np.where(rng.random(count) < _ON_THE_HOUR, 0.0, 0.5)) * _HOUR_S
    begins += rng.exponential(_LATE_S, count)
    lengths, shares = zip(*_LENGTHS_H, strict=True)
    chunks = np.rint(rng.choice(lengths, count, p=shares) * _HOUR_S / chunk_s).astype(int)
    meetings = np.repeat(np.arange(count), chunks)
    numbers = np.arange(len(meetings)) - np.repeat(np.cumsum(chunks) - chunks, chunks)
    times = begins[meetings] + (numbers + 1) * chunk_s
    order = np.argsort(times, kind="stable")
    return Arrivals(times[order], rng.integers(partitions, size=count)[meetings][order])
