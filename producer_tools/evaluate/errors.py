"""Diarization error by number of speakers, by pyannote.metrics; overlapped speech is scored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from producer_tools.evaluate.recordings import Recording, speakers
from producer_tools.rttm import Turn
from producer_tools.scoring import NO_ERROR, ErrorRate, annotation, error_rate

COLLAR_S = 0.25  # on each side of a reference boundary, the "fair" mode of NeMo and md-eval


@dataclass(frozen=True, slots=True)
class RecordingErrors:
    """How far one recording's answer is from its reference."""

    name: str
    speakers: int
    strict: ErrorRate  # no collar
    collared: ErrorRate  # `COLLAR_S` on each side of every boundary left out
    jer: tuple[float, ...]  # mean Jaccard error, 0..1, once for every reference speaker


@dataclass(frozen=True, slots=True)
class Errors:
    """Sums over recordings; `jer` is the mean over all their speakers."""

    recordings: int
    strict: ErrorRate
    collared: ErrorRate
    jer: float


def compare(recording: Recording, found: Sequence[Turn], duration_s: float) -> RecordingErrors:
    """The errors of an answer to a whole recording.

    JER: Ryant et al., "The Second DIHARD Diarization Challenge", 2019; each speaker of the
    reference against the one it is matched with, without a collar.
    """
    spans = [(0.0, duration_s)]
    try:
        collared = error_rate(recording.turns, found, spans, collar_s=COLLAR_S)
    except ValueError:  # every turn is shorter than its collars
        collared = NO_ERROR
    return RecordingErrors(
        name=recording.name,
        speakers=len(speakers(recording)),
        strict=error_rate(recording.turns, found, spans),
        collared=collared,
        jer=_jaccard(recording.turns, found, duration_s),
    )


def _jaccard(
    reference: Sequence[Turn], found: Sequence[Turn], duration_s: float
) -> tuple[float, ...]:
    from pyannote.core import Segment, Timeline
    from pyannote.metrics.diarization import JaccardErrorRate

    span = Timeline([Segment(0.0, duration_s)])
    metric = JaccardErrorRate(collar=0.0, skip_overlap=False)  # type: ignore[no-untyped-call]
    parts = metric(
        annotation(reference).crop(span), annotation(found).crop(span), uem=span, detailed=True
    )
    count = int(parts["speaker count"])
    return (float(parts["speaker error"]) / max(count, 1),) * count


def table(entries: Iterable[RecordingErrors]) -> dict[str, Errors]:
    """Sums by number of speakers, and over all under the key `all`."""
    groups: dict[str, list[RecordingErrors]] = {"all": []}
    for entry in sorted(entries, key=lambda entry: entry.speakers):
        groups["all"].append(entry)
        groups.setdefault(str(entry.speakers), []).append(entry)
    return {
        key: Errors(
            recordings=len(group),
            strict=sum((entry.strict for entry in group), NO_ERROR),
            collared=sum((entry.collared for entry in group), NO_ERROR),
            jer=fmean(value for entry in group for value in entry.jer),
        )
        for key, group in groups.items()
        if group
    }
