"""The engine's segments and fingerprints as records: clamped, labelled, finite."""

import math

import numpy as np

from consumer.errors import PermanentError, Reason
from consumer.inference.results import Analysis, label
from schemas.records import Fingerprint, Segment

_LARGEST = float(np.finfo(np.float32).max)  # of single precision; NaN is beyond it, too


def segments(analysis: Analysis, duration: float) -> tuple[Segment, ...]:
    """Segments with times clamped to [0, duration]; those that leaves empty are dropped.

    Raises:
        PermanentError: `INVALID_MODEL_OUTPUT`, a time is not finite.
    """
    found = []
    for segment in analysis.segments:
        start, end = segment.start_s, segment.end_s
        if not 0.0 <= start <= end <= duration:
            start = _clamp(finite("segment start", start), duration)
            end = _clamp(finite("segment end", end), duration)
        if start < end:
            found.append(
                Segment(
                    speaker=label(segment.speaker),
                    start_s=start,
                    end_s=end,
                    confidence=_ratio(segment.confidence),
                    overlap_ratio=_ratio(segment.overlap_ratio) or 0.0,
                )
            )
    return tuple(found)


def fingerprints(analysis: Analysis) -> tuple[Fingerprint, ...]:
    """The fingerprints that are finite."""
    kept = []
    for found in analysis.fingerprints:
        embedding = tuple(found.embedding.tolist())
        # A sum is finite when everything in it is: single precision cannot overflow double.
        numbers = math.isfinite(sum(embedding)) and math.isfinite(found.speech_s)
        if numbers and abs(found.norm) <= _LARGEST:
            kept.append(
                Fingerprint(
                    speaker=label(found.speaker),
                    embedding=embedding,
                    speech_s=found.speech_s,
                    clean=found.clean,
                    cohesion=_real(found.cohesion),
                    norm=found.norm,
                    confidence=_ratio(found.confidence),
                )
            )
    return tuple(kept)


def finite(what: str, value: float) -> float:
    """`value`, or `PermanentError(INVALID_MODEL_OUTPUT)` when it is not finite."""
    if not math.isfinite(value):
        raise PermanentError(Reason.INVALID_MODEL_OUTPUT, f"the {what} is {value}")
    return value


def _clamp(value: float, most: float) -> float:
    return 0.0 if value < 0.0 else most if value > most else value


def _real(value: float | None) -> float | None:
    return value if value is not None and abs(value) <= _LARGEST else None


def _ratio(value: float | None) -> float | None:
    """Within [0, 1] (a mean may leave it by a rounding error), or None when it is no number."""
    if value is None or 0.0 <= value <= 1.0:
        return value
    known = _real(value)
    return None if known is None else _clamp(known, 1.0)
