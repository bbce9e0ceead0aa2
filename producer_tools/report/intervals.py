"""Unions and overlaps of stretches of time."""

from collections.abc import Iterable

Interval = tuple[float, float]
"""Begin and end in seconds."""


def at_least(intervals: Iterable[Interval], count: int) -> list[Interval]:
    """Where `count` or more of the intervals lie over each other; ordered, disjoint, not touching.

    One pass over the sorted ends; empty intervals count for nothing.
    """
    ends: dict[float, int] = {}
    for begin, end in intervals:
        if end > begin:
            ends[begin] = ends.get(begin, 0) + 1
            ends[end] = ends.get(end, 0) - 1
    found: list[Interval] = []
    depth, since = 0, 0.0
    for moment in sorted(ends):
        before, depth = depth, depth + ends[moment]
        if before < count <= depth:
            since = moment
        elif depth < count <= before:
            found.append((since, moment))
    return found


def length(intervals: Iterable[Interval]) -> float:
    """Seconds covered by disjoint intervals."""
    return sum(end - begin for begin, end in intervals)
