"""A recording put together from its ChunkResults: turns on its time axis, with linked voices."""

from collections.abc import Iterable

from producer_tools.linking import Voices
from producer_tools.rttm import Turn
from schemas.records import ChunkResult


def turns(results: Iterable[ChunkResult], voices: Voices, recording: str) -> list[Turn]:
    """One turn per segment, named by its voice; a speaker without one keeps chunk and label."""
    return [
        Turn(
            recording=recording,
            start_s=result.start_s + segment.start_s,
            duration_s=segment.end_s - segment.start_s,
            speaker=voices.of(result.recording_id, result.chunk_id, segment.speaker)
            or f"{result.chunk_id}/{segment.speaker}",
            confidence=segment.confidence,
        )
        for result in results
        for segment in result.segments
    ]


def shown(speaker: str, confidence: float | None, uncertain_below: float | None) -> str:
    """`Speaker_0`, or `Speaker_0?` when its confidence is unknown or under the threshold."""
    if uncertain_below is None:
        return speaker
    return speaker if confidence is not None and confidence >= uncertain_below else f"{speaker}?"
