"""Whether a confidence means what it says: segments against who really spoke."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from producer_tools.rttm import Turn
from schemas.records import ChunkResult, Segment

BINS = 10
_MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class Judged:
    """One segment's confidence, and whether its speaker was the right one."""

    confidence: float
    right: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """Segments of like confidence: how many, their mean confidence, and the share that is right."""

    count: int
    confidence: float
    right: float


def judge(results: Iterable[ChunkResult], reference: Sequence[Turn]) -> list[Judged]:
    """The segments that have a confidence, judged.

    A segment is right when, for at least half of it, that speaker of the reference talks whom its
    label stands for: the one who shares most time with the label's segments within the chunk.

    Args:
        results: of one recording.
        reference: who really spoke, on the recording's time axis.
    """
    judged = []
    for result in results:
        talking: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for segment in result.segments:
            for speaker, seconds in _shared(result, segment, reference).items():
                talking[segment.speaker][speaker] += seconds
        for segment in result.segments:
            if segment.confidence is None:
                continue
            candidates = talking[segment.speaker]
            meant = max(candidates, key=lambda name: candidates[name], default="")
            shared = _shared(result, segment, reference).get(meant, 0.0)
            right = shared >= _MOSTLY * (segment.end_s - segment.start_s)
            judged.append(Judged(segment.confidence, bool(candidates) and right))
    return judged


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
    """Expected calibration error of a reliability diagram; None without a segment."""
    total = sum(each.count for each in found)
    if not total:
        return None
    return sum(each.count * abs(each.confidence - each.right) for each in found) / total


def _shared(result: ChunkResult, segment: Segment, reference: Sequence[Turn]) -> dict[str, float]:
    """Seconds in which each speaker of the reference talks during a segment."""
    begin, end = result.start_s + segment.start_s, result.start_s + segment.end_s
    shared: dict[str, float] = defaultdict(float)
    for turn in reference:
        both = min(end, turn.start_s + turn.duration_s) - max(begin, turn.start_s)
        if both > 0:
            shared[turn.speaker] += both
    return shared
