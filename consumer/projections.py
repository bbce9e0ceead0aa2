"""A ChunkResult and its flat events: the same content, one segment or fingerprint each.

There are twenty and more for a chunk, and nearly all of their content stands in the ChunkResult:
they are put together from its encoded parts.
"""

from collections.abc import Iterator, Sequence

from consumer import event_ids
from schemas import layout
from schemas.records import ChunkResult, Record, SpeakerFingerprint, SpeakerSegment

_RESULT = layout.of(ChunkResult.avro_name)
_SEGMENT, _FINGERPRINT = (
    layout.of(SpeakerSegment.avro_name),
    layout.of(SpeakerFingerprint.avro_name),
)
_SEGMENTS, _FINGERPRINTS = (
    layout.within(ChunkResult.avro_name, field) for field in ("segments", "fingerprints")
)
_COMMON = ("result_id", "recording_id", "chunk_id", "sequence")
_PLACE = ("recording_start_s", "recording_end_s")

# The bytes below are in these orders.
_SEGMENT.must_be("event_id", *_COMMON, "index", *_SEGMENTS.fields, *_PLACE, "model")
_FINGERPRINT.must_be("event_id", *_COMMON, *_FINGERPRINTS.fields, "model")
_id, _index, _from, _to = map(_SEGMENT.writer, ("event_id", "index", *_PLACE))

Encoded = tuple[type[Record], bytes]


def events(result: ChunkResult) -> list[Encoded]:
    """The result, then its SpeakerSegments, then its SpeakerFingerprints; without their headers.

    Raises MalformedEventError for a value that does not fit its type.
    """
    segments = [_SEGMENTS.encode(each) for each in result.segments]
    fingerprints = [_FINGERPRINTS.encode(each) for each in result.fingerprints]
    whole = _RESULT.parts(
        result, segments=layout.array(segments), fingerprints=layout.array(fingerprints)
    )
    common = b"".join([whole[field] for field in _COMMON])
    return [
        (ChunkResult, b"".join(whole.values())),
        *_speaker_segments(result, common, segments),
        *_speaker_fingerprints(result, common, fingerprints),
    ]


def _speaker_segments(
    result: ChunkResult, common: bytes, segments: Sequence[bytes]
) -> Iterator[Encoded]:
    model = _SEGMENT.part("model", result.models.diarization)
    ids = event_ids.event_ids(result.result_id, SpeakerSegment.avro_name, len(segments))
    start_s = result.start_s
    for index, segment in enumerate(result.segments):
        yield (
            SpeakerSegment,
            b"".join(
                (
                    _id(ids[index]),
                    common,
                    _index(index),
                    segments[index],
                    _from(start_s + segment.start_s),
                    _to(start_s + segment.end_s),
                    model,
                )
            ),
        )


def _speaker_fingerprints(
    result: ChunkResult, common: bytes, fingerprints: Sequence[bytes]
) -> Iterator[Encoded]:
    model = _FINGERPRINT.part("model", result.models.embedding)
    ids = event_ids.event_ids(result.result_id, SpeakerFingerprint.avro_name, len(fingerprints))
    for fingerprint, event_id in zip(fingerprints, ids, strict=True):
        yield (
            SpeakerFingerprint,
            b"".join((_id(event_id), common, fingerprint, model)),
        )
