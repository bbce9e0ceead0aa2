"""Every record survives both wire formats; no bytes get past the decoder's own errors."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastavro import schemaless_reader, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import catalogue
from schemas.codec import Decoder, Encoder
from schemas.errors import MalformedEventError, SchemaError
from schemas.records import (
    EVENTS,
    AudioChunk,
    ChunkResult,
    Fingerprint,
    Models,
    Record,
    Segment,
    Source,
    SpeakerFingerprint,
    SpeakerSegment,
    Thresholds,
)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ids = text.filter(bool)
single = st.floats(width=32, allow_nan=False, allow_infinity=False)
double = st.floats(allow_nan=False, allow_infinity=False)
seconds = st.floats(min_value=0, max_value=1e12)
int32 = st.integers(0, 2**31 - 1)
int64 = st.integers(0, 2**63 - 1)
maps = st.dictionaries(text, text, max_size=4)
names = st.lists(text, max_size=4).map(tuple)
moments = st.integers(0, 4_102_444_800_000).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
embeddings = st.lists(single, max_size=8).map(tuple)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


chunks = st.builds(
    AudioChunk,
    recording_id=ids,
    chunk_id=ids,
    sequence=int32,
    start_s=seconds,
    uri=ids,
    duration_s=maybe(seconds),
    size_bytes=maybe(int64),
    sha256=maybe(st.text("0123456789abcdefABCDEF", min_size=64, max_size=64)),
    etag=maybe(text),
    version_id=maybe(text),
    content_type=maybe(text),
    channel=maybe(int32),
    recorded_at=maybe(moments),
    last=st.booleans(),
    attributes=maps,
)

_segment: dict[str, Any] = {
    "speaker": text,
    "start_s": double,
    "end_s": double,
    "confidence": maybe(single),
    "overlap_ratio": single,
}
_fingerprint: dict[str, Any] = {
    "speaker": text,
    "embedding": embeddings,
    "speech_s": double,
    "clean": st.booleans(),
    "cohesion": maybe(single),
    "norm": single,
    "confidence": maybe(single),
}
_ids: dict[str, Any] = {
    "event_id": text,
    "result_id": text,
    "recording_id": text,
    "chunk_id": text,
    "sequence": st.integers(-(2**31), 2**31 - 1),
}

results = st.builds(
    ChunkResult,
    **_ids,
    start_s=double,
    last=st.booleans(),
    status=text,
    reason=maybe(text),
    attempts=int32,
    duration_s=maybe(double),
    speakers_detected=names,
    segments=st.lists(st.builds(Segment, **_segment), max_size=3).map(tuple),
    fingerprints=st.lists(st.builds(Fingerprint, **_fingerprint), max_size=3).map(tuple),
    speakers_without_fingerprint=names,
    models=st.builds(Models, diarization=text, embedding=text),
    thresholds=st.builds(
        Thresholds, same_voice_cosine=maybe(double), uncertain_confidence=maybe(double)
    ),
    attributes=maps,
    source=st.builds(Source, topic=text, partition=int32, offset=int64),
    processed_at=moments,
)
speaker_segments = st.builds(
    SpeakerSegment,
    **_ids,
    index=int32,
    **_segment,
    recording_start_s=double,
    recording_end_s=double,
    model=text,
)
speaker_fingerprints = st.builds(SpeakerFingerprint, **_ids, **_fingerprint, model=text)

records = st.one_of(chunks, results, speaker_segments, speaker_fingerprints)


class DictRegistry:
    """A registry in memory: every subject holds every schema."""

    def __init__(self) -> None:
        self.schemas: list[str] = []

    def schema(self, schema_id: int) -> str:
        return self.schemas[schema_id]

    def id_of(self, subject: str, schema: str) -> int:
        self.schemas.append(schema)
        return len(self.schemas) - 1


@given(records)
def test_single_object_round_trip(record: Record) -> None:
    assert Decoder().decode(Encoder().encode(record), type(record)) == record


@given(records)
def test_the_bytes_are_those_of_fastavro(record: Record) -> None:
    written = io.BytesIO()
    schemaless_writer(written, catalogue.current(record.avro_name), record.to_avro())
    header = b"\xc3\x01" + catalogue.fingerprint_of(record.avro_name)
    assert Encoder().encode(record) == header + written.getvalue()


REGISTRY = DictRegistry()
REGISTERED = Encoder(REGISTRY, {record: record.avro_name for record in EVENTS})


@given(records)
def test_confluent_round_trip(record: Record) -> None:
    data = REGISTERED.encode(record)
    assert data[0] == 0
    assert Decoder(REGISTRY).decode(data, type(record)) == record


@given(records, st.data())
def test_every_cut_is_malformed(record: Record, data: st.DataObject) -> None:
    encoded = Encoder().encode(record)
    cut = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(MalformedEventError):
        Decoder().decode(encoded[:cut], type(record))


@given(records, st.binary(min_size=1, max_size=4))
def test_bytes_left_over_are_malformed(record: Record, tail: bytes) -> None:
    with pytest.raises(MalformedEventError, match="left over"):
        Decoder().decode(Encoder().encode(record) + tail, type(record))


HEADERS = st.sampled_from(
    [b"", b"\x00", b"\x00\x00\x00\x00\x00", b"\xc3\x01" + catalogue.fingerprint_of("AudioChunk")]
)


@settings(max_examples=500)
@given(HEADERS, st.binary(max_size=80))
def test_garbage_raises_only_the_errors_of_this_package(header: bytes, body: bytes) -> None:
    registry = DictRegistry()
    registry.id_of("audio-chunks-value", catalogue.text("AudioChunk"))

    class Known(DictRegistry):
        def schema(self, schema_id: int) -> str:
            return registry.schema(0)

    try:
        decoded = Decoder(Known()).decode(header + body, AudioChunk)
    except SchemaError:
        return
    assert decoded.recording_id  # noise that happens to be a chunk is a valid chunk


@settings(max_examples=50)
@given(records)
def test_full_transitive_against_the_committed_history(record: Record) -> None:
    """A reader of every version reads what a writer of every version wrote."""
    versions = (*catalogue.versions(record.avro_name), catalogue.current(record.avro_name))
    for writer in versions:
        for reader in versions:
            buffer = io.BytesIO()
            schemaless_writer(buffer, writer, record.to_avro())
            buffer.seek(0)
            seen = schemaless_reader(buffer, writer, reader)
            assert isinstance(seen, dict)
            shared = {f["name"] for f in writer["fields"]} & {f["name"] for f in reader["fields"]}
            for name in shared & {"recording_id", "chunk_id", "sequence", "result_id"}:
                assert seen[name] == getattr(record, name)


@pytest.mark.parametrize("record", EVENTS, ids=lambda record: record.avro_name)
def test_today_is_committed_as_the_newest_version(record: type[Record]) -> None:
    """A schema cannot change without a new file in the history."""
    newest = catalogue.versions(record.avro_name)[-1]
    plain = json.loads(catalogue.text(record.avro_name))
    assert catalogue.parse(json.dumps(plain)) == newest
