"""Whether a confidence means what it says: turns against who really spoke."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from producer_tools.rttm import Turn
from producer_tools.scoring import matching

BINS = 10
_MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class Judged:
    """One turn's confidence, and whether its speaker was the right one."""

    confidence: float
    right: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """Turns of like confidence: how many, their mean confidence, and the share that is right."""

    count: int
    confidence: float
    right: float


def judge(turns: Sequence[Turn], reference: Sequence[Turn]) -> list[Judged]:
    """The turns that have a confidence, judged.

    A turn's speaker is right when the reference speaker it is matched with, one to one and over all
    turns as for the diarization error rate, talks for at least half of the turn. A label that is
    matched with nobody is never right.

    Args:
        turns: those whose labels mean the same speakers: of one chunk, or of a whole recording.
        reference: who really spoke, on the same time axis.
    """
    matched = matching(reference, turns)
    return [
        Judged(turn.confidence, _shared(turn, person, reference) >= _MOSTLY * turn.duration_s)
        for turn in turns
        for person in [matched.get(turn.speaker)]
        if turn.confidence is not None
    ]


def bins(judged: Sequence[Judged]) -> list[Bin]:
    """A reliability diagram: ten bins of equal width, from 0; empty ones are left out.

    Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    groups: dict[int, list[Judged]] = defaultdict(list)
    for one in judged:
        groups[min(int(one.confidence * BINS), BINS - 1)].append(one)
    return [
        Bin(
            count=len(group),
            confidence=sum(one.confidence for one in group) / len(group),
            right=sum(one.right for one in group) / len(group),
        )
        for _, group in sorted(groups.items())
    ]


def expected_error(found: Sequence[Bin]) -> float | None:
    """Expected calibration error of a reliability diagram; None without a turn."""
    total = sum(each.count for each in found)
    if not total:
        return None
    return sum(each.count * abs(each.confidence - each.right) for each in found) / total


def _shared(turn: Turn, person: str | None, reference: Sequence[Turn]) -> float:
    """Seconds of a turn in which that speaker of the reference talks."""
    end = turn.start_s + turn.duration_s
    return sum(
        max(0.0, min(end, said.start_s + said.duration_s) - max(turn.start_s, said.start_s))
        for said in reference
        if said.speaker == person
    )
