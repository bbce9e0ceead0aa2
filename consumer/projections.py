"""The flat events of a ChunkResult: the same content, one segment or fingerprint each."""

import uuid
from typing import Any

from consumer import event_ids
from schemas.records import ChunkResult, SpeakerFingerprint, SpeakerSegment, fields_of


def speaker_segments(result: ChunkResult) -> list[SpeakerSegment]:
    """One event per segment, with its place in the recording."""
    work = uuid.UUID(result.result_id)
    return [
        SpeakerSegment(
            event_id=event_ids.event_id(work, SpeakerSegment.avro_name, index),
            **_common(result),
            **fields_of(segment),
            index=index,
            recording_start_s=result.start_s + segment.start_s,
            recording_end_s=result.start_s + segment.end_s,
            model=result.models.diarization,
        )
        for index, segment in enumerate(result.segments)
    ]


def speaker_fingerprints(result: ChunkResult) -> list[SpeakerFingerprint]:
    """One event per fingerprint."""
    work = uuid.UUID(result.result_id)
    return [
        SpeakerFingerprint(
            event_id=event_ids.event_id(work, SpeakerFingerprint.avro_name, index),
            **_common(result),
            **fields_of(fingerprint),
            model=result.models.embedding,
        )
        for index, fingerprint in enumerate(result.fingerprints)
    ]


def _common(result: ChunkResult) -> dict[str, Any]:
    return {
        "result_id": result.result_id,
        "recording_id": result.recording_id,
        "chunk_id": result.chunk_id,
        "sequence": result.sequence,
    }
