"""A ChunkResult and its flat events: the same content, one segment or fingerprint each.

There are twenty and more for a chunk, and nearly all of their content stands in the ChunkResult:
they are put together from its encoded parts.
"""

from collections.abc import Iterator, Sequence

from consumer import event_ids
from schemas import layout
from schemas.layout import Parts
from schemas.records import ChunkResult, Record, SpeakerFingerprint, SpeakerSegment

_RESULT = layout.of(ChunkResult.avro_name)
_SEGMENT, _FINGERPRINT = (
    layout.of(SpeakerSegment.avro_name),
    layout.of(SpeakerFingerprint.avro_name),
)
_WITHIN = {field: layout.within("ChunkResult", field) for field in ("segments", "fingerprints")}
_COMMON = ("result_id", "recording_id", "chunk_id", "sequence")

Encoded = tuple[type[Record], Parts]


def events(result: ChunkResult) -> list[Encoded]:
    """The result, then its SpeakerSegments, then its SpeakerFingerprints.

    Raises MalformedEventError for a value that does not fit its type.
    """
    segments = [_WITHIN["segments"].parts(each) for each in result.segments]
    fingerprints = [_WITHIN["fingerprints"].parts(each) for each in result.fingerprints]
    whole = _RESULT.parts(
        result,
        segments=layout.array(map(_WITHIN["segments"].join, segments)),
        fingerprints=layout.array(map(_WITHIN["fingerprints"].join, fingerprints)),
    )
    return [
        (ChunkResult, whole),
        *_speaker_segments(result, whole, segments),
        *_speaker_fingerprints(result, whole, fingerprints),
    ]


def _speaker_segments(
    result: ChunkResult, whole: Parts, segments: Sequence[Parts]
) -> Iterator[Encoded]:
    common = {name: whole[name] for name in _COMMON}
    common["model"] = _SEGMENT.part("model", result.models.diarization)
    ids = event_ids.event_ids(result.result_id, SpeakerSegment.avro_name, len(segments))
    start_s = result.start_s
    for index, segment in enumerate(result.segments):
        yield (
            SpeakerSegment,
            {
                **common,
                **segments[index],
                "event_id": _SEGMENT.part("event_id", ids[index]),
                "index": _SEGMENT.part("index", index),
                "recording_start_s": _SEGMENT.part("recording_start_s", start_s + segment.start_s),
                "recording_end_s": _SEGMENT.part("recording_end_s", start_s + segment.end_s),
            },
        )


def _speaker_fingerprints(
    result: ChunkResult, whole: Parts, fingerprints: Sequence[Parts]
) -> Iterator[Encoded]:
    common = {name: whole[name] for name in _COMMON}
    common["model"] = _FINGERPRINT.part("model", result.models.embedding)
    ids = event_ids.event_ids(result.result_id, SpeakerFingerprint.avro_name, len(fingerprints))
    for parts, event_id in zip(fingerprints, ids, strict=True):
        event_id_part = _FINGERPRINT.part("event_id", event_id)
        yield SpeakerFingerprint, {**common, **parts, "event_id": event_id_part}
