"""A recording put together from its ChunkResults: turns on its time axis, with linked voices."""

from collections.abc import Iterable
from dataclasses import replace

from producer_tools.linking import Voices
from producer_tools.rttm import Turn
from schemas.records import ChunkResult


def turns(results: Iterable[ChunkResult], voices: Voices, recording: str) -> list[Turn]:
    """One turn per segment, named by its voice; a speaker without one keeps chunk and label."""
    return [
        replace(
            turn,
            recording=recording,
            speaker=voices.of(result.recording_id, result.chunk_id, turn.speaker)
            or f"{result.chunk_id}/{turn.speaker}",
        )
        for result in results
        for turn in local_turns(result)
    ]


def local_turns(result: ChunkResult) -> list[Turn]:
    """One turn per segment of a chunk, on the recording's time axis, by its local label."""
    return [
        Turn(
            recording=result.recording_id,
            start_s=result.start_s + segment.start_s,
            duration_s=segment.end_s - segment.start_s,
            speaker=segment.speaker,
            confidence=segment.confidence,
        )
        for segment in result.segments
    ]


def shown(speaker: str, confidence: float | None, uncertain_below: float | None) -> str:
    """`Speaker_0`, or `Speaker_0?` when its confidence is unknown or under the threshold."""
    if uncertain_below is None:
        return speaker
    return speaker if confidence is not None and confidence >= uncertain_below else f"{speaker}?"


def row(start_s: float, end_s: float, speaker: str, confidence: float | None) -> str:
    """A segment as a line under its chunk or file."""
    sure = "   -" if confidence is None else f"{confidence:.2f}"
    return f"  {start_s:9.2f} {end_s:9.2f}  {speaker:<12}{sure}"
