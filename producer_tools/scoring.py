"""Diarization error rate of turns against a reference, by pyannote.metrics."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from producer_tools.rttm import Turn

if TYPE_CHECKING:
    from pyannote.core import Annotation


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Seconds of error and of reference speech; overlapped speech is scored."""

    missed_s: float
    false_alarm_s: float
    confusion_s: float
    speech_s: float

    def __add__(self, other: "ErrorRate") -> "ErrorRate":
        return ErrorRate(
            self.missed_s + other.missed_s,
            self.false_alarm_s + other.false_alarm_s,
            self.confusion_s + other.confusion_s,
            self.speech_s + other.speech_s,
        )

    @property
    def der(self) -> float:
        """Error over speech; can exceed 1."""
        return (self.missed_s + self.false_alarm_s + self.confusion_s) / self.speech_s


NO_ERROR = ErrorRate(0.0, 0.0, 0.0, 0.0)


def error_rate(
    reference: Sequence[Turn],
    hypothesis: Sequence[Turn],
    spans: Iterable[tuple[float, float]],
    collar_s: float = 0.0,
) -> ErrorRate:
    """DER summed over spans of the recording (start and end in seconds).

    Names are matched anew in each span: one span over everything scores the speakers of a
    recording, one span per chunk scores local speakers. `collar_s` seconds on each side of every
    boundary of the reference are not scored.

    Raises:
        ValueError: nobody speaks in the reference.
    """
    # Late: imports pandas and scikit-learn.
    from pyannote.core import Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    # pyannote's collar is the whole width around a boundary.
    metric = DiarizationErrorRate(collar=2 * collar_s, skip_overlap=False)
    said, heard = annotation(reference), annotation(hypothesis)
    for start, end in spans:
        span = Timeline([Segment(start, end)])
        metric(said.crop(span), heard.crop(span), uem=span)

    def total(component: str) -> float:
        return float(metric[component])  # type: ignore[arg-type]

    if not total("total"):
        raise ValueError("nobody speaks in the reference, so there is no error rate")
    return ErrorRate(
        missed_s=total("missed detection"),
        false_alarm_s=total("false alarm"),
        confusion_s=total("confusion"),
        speech_s=total("total"),
    )


def matching(reference: Sequence[Turn], hypothesis: Sequence[Turn]) -> dict[str, str]:
    """Speaker of the hypothesis -> the reference's, one to one, as the error rate matches them."""
    from pyannote.metrics.diarization import DiarizationErrorRate

    if not hypothesis:
        return {}
    metric = DiarizationErrorRate(collar=0.0, skip_overlap=False)
    found = metric.optimal_mapping(annotation(reference), annotation(hypothesis))
    return {str(heard): str(said) for heard, said in found.items()}


def annotation(turns: Sequence[Turn]) -> "Annotation":
    """Turns as pyannote has them, one track each."""
    from pyannote.core import Annotation, Segment

    made = Annotation()
    for track, turn in enumerate(turns):
        made[Segment(turn.start_s, turn.start_s + turn.duration_s), track] = turn.speaker
    return made
