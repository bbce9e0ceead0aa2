"""The flat events of a ChunkResult: the same content, one segment or fingerprint each.

All of them as `Record.to_avro` gives them: there are twenty and more for a chunk, so that making
records of them first would cost as much as encoding them.
"""

from collections.abc import Mapping
from typing import Any

from consumer import event_ids
from schemas.records import SpeakerFingerprint, SpeakerSegment

Datum = Mapping[str, Any]

_COMMON = ("result_id", "recording_id", "chunk_id", "sequence")


def speaker_segments(result: Datum) -> list[Datum]:
    """One SpeakerSegment per segment, with its place in the recording."""
    start_s, segments = result["start_s"], result["segments"]
    common = {name: result[name] for name in _COMMON}
    common["model"] = result["models"]["diarization"]
    ids = event_ids.event_ids(result["result_id"], SpeakerSegment.avro_name, len(segments))
    return [
        {
            **common,
            **segment,
            "event_id": event_id,
            "index": index,
            "recording_start_s": start_s + segment["start_s"],
            "recording_end_s": start_s + segment["end_s"],
        }
        for index, (segment, event_id) in enumerate(zip(segments, ids, strict=True))
    ]


def speaker_fingerprints(result: Datum) -> list[Datum]:
    """One SpeakerFingerprint per fingerprint."""
    fingerprints = result["fingerprints"]
    common = {name: result[name] for name in _COMMON}
    common["model"] = result["models"]["embedding"]
    ids = event_ids.event_ids(result["result_id"], SpeakerFingerprint.avro_name, len(fingerprints))
    return [
        {
            **common,
            **fingerprint,
            "event_id": event_id,
        }
        for fingerprint, event_id in zip(fingerprints, ids, strict=True)
    ]
