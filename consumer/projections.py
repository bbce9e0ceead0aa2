"""The flat events of a ChunkResult: the same content, one segment or fingerprint each."""

import uuid
from typing import Any

from consumer import event_ids
from schemas.records import ChunkResult, SpeakerFingerprint, SpeakerSegment


def speaker_segments(result: ChunkResult) -> list[SpeakerSegment]:
    """One event per segment, with its place in the recording."""
    return [
        SpeakerSegment.from_avro(
            {
                **_common(result, SpeakerSegment.avro_name, index),
                **segment.to_avro(),
                "index": index,
                "recording_start_s": result.start_s + segment.start_s,
                "recording_end_s": result.start_s + segment.end_s,
                "model": result.models.diarization,
            }
        )
        for index, segment in enumerate(result.segments)
    ]


def speaker_fingerprints(result: ChunkResult) -> list[SpeakerFingerprint]:
    """One event per fingerprint."""
    return [
        SpeakerFingerprint.from_avro(
            {
                **_common(result, SpeakerFingerprint.avro_name, index),
                **fingerprint.to_avro(),
                "model": result.models.embedding,
            }
        )
        for index, fingerprint in enumerate(result.fingerprints)
    ]


def _common(result: ChunkResult, record_type: str, index: int) -> dict[str, Any]:
    return {
        "event_id": event_ids.event_id(uuid.UUID(result.result_id), record_type, index),
        "result_id": result.result_id,
        "recording_id": result.recording_id,
        "chunk_id": result.chunk_id,
        "sequence": result.sequence,
    }
