"""Whatever the engine says and whatever the record holds, what leaves is valid and fits."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from consumer.dead_letters import MIN_LIMIT, fits
from consumer.errors import PermanentError, Reason
from consumer.events import EventWriter, Topics
from consumer.inference.results import Analysis, Fingerprint, Models, Segment
from consumer.records import InputRecord, Ticket
from schemas.codec import Decoder, Encoder
from schemas.records import AudioChunk, ChunkResult, SpeakerFingerprint, SpeakerSegment

MODELS = Models("d", "e", "0" * 64, "1" * 64, None, None, "2" * 64)
speakers = st.integers(0, 7)
times = st.floats(-1, 40)
wild = st.floats(width=32)  # NaN and infinities too
vectors = hnp.arrays(np.float32, 4, elements=st.floats(-1, 1, width=32) | st.just(math.nan))

analyses = st.builds(
    Analysis,
    duration_s=st.floats(0, 30),
    segments=st.lists(
        st.builds(Segment, speakers, times, times, st.none() | wild, wild), max_size=6
    ).map(tuple),
    fingerprints=st.lists(
        st.builds(
            Fingerprint, speakers, vectors, wild, st.booleans(), st.none() | wild, wild, wild
        ),
        max_size=4,
        unique_by=lambda fingerprint: fingerprint.speaker,
    ).map(tuple),
)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
chunks = st.builds(
    AudioChunk,
    recording_id=text.filter(bool) | st.just("é" * 512),
    chunk_id=text.filter(bool) | st.just("c" * 1024),
    sequence=st.integers(0, 9),
    start_s=st.floats(0, 1e6),
    uri=st.just("file:///a"),
    attributes=st.dictionaries(text, text | st.just("x" * 40_000), max_size=3),
)
sizes = st.sampled_from([0, 1, 100, 10_000, 16_000, 17_000, 100_000])
contents = sizes.map(bytes) | st.binary(max_size=20)
records = st.builds(
    InputRecord,
    ticket=st.builds(
        Ticket, st.integers(0, 2**31 - 1), st.integers(0, 9), st.integers(0, 2**63 - 1)
    ),
    topic=st.text("abc.-_", min_size=1, max_size=249),
    key=st.none() | contents,
    value=st.none() | contents,
    headers=st.lists(
        st.tuples(
            text | st.sampled_from(["traceparent", "tracestate", "é" * 9_000]),
            st.none() | contents,
        ),
        max_size=4,
    ).map(tuple),
    timestamp_ms=st.integers(-1, 2**62),
    attempts=st.integers(1, 5),
)


@given(analyses, chunks, records)
def test_projections_hold_the_content_of_the_chunk_result(
    analysis: Analysis, chunk: AudioChunk, record: InputRecord
) -> None:
    outputs = EventWriter(Encoder(), Topics(), MODELS, "0.1.0").diarized(chunk, record, analysis)
    decoder = Decoder()
    result = decoder.decode(outputs[0].value or b"", ChunkResult)
    count = len(result.segments)
    segments = [decoder.decode(o.value or b"", SpeakerSegment) for o in outputs[1 : 1 + count]]
    voices = [decoder.decode(o.value or b"", SpeakerFingerprint) for o in outputs[1 + count :]]
    assert len(voices) == len(result.fingerprints)

    for index, (flat, nested) in enumerate(zip(segments, result.segments, strict=True)):
        content = flat.to_avro()
        assert nested.to_avro().items() <= content.items()
        assert (flat.index, flat.result_id) == (index, result.result_id)
        assert flat.recording_start_s == result.start_s + nested.start_s
        assert flat.recording_end_s == result.start_s + nested.end_s
        assert 0 <= nested.start_s < nested.end_s <= (result.duration_s or 0)
        assert nested.confidence is None or 0 <= nested.confidence <= 1
        assert 0 <= nested.overlap_ratio <= 1
    for voice, fingerprint in zip(voices, result.fingerprints, strict=True):
        content = voice.to_avro()
        assert all(content[name] == value for name, value in fingerprint.to_avro().items())
        assert voice.result_id == result.result_id
        assert all(map(math.isfinite, fingerprint.embedding))
        assert math.isfinite(fingerprint.norm)
        assert math.isfinite(fingerprint.speech_s)

    detected = {segment.speaker for segment in result.segments}
    assert set(result.speakers_detected) == detected
    assert set(result.speakers_without_fingerprint) == detected - {
        fingerprint.speaker for fingerprint in result.fingerprints
    }
    events = {result.event_id, *(s.event_id for s in segments), *(v.event_id for v in voices)}
    assert len(events) == len(outputs)


@given(records, st.none() | chunks, st.sampled_from(Reason), st.text(max_size=3000))
def test_a_failure_always_fits_and_keeps_the_original_where_it_does(
    record: InputRecord, chunk: AudioChunk | None, reason: Reason, message: str
) -> None:
    limit = MIN_LIMIT
    writer = EventWriter(Encoder(), Topics(), MODELS, "0.1.0", limit, limit)
    letter, result = writer.failed(record, chunk, reason, message)
    assert fits(letter, limit)
    assert fits(result, limit)
    headers = dict(letter.headers)
    omitted = (headers.get("dlq.omitted") or b"").decode()
    if "value" not in omitted:
        assert letter.value == record.value
    if "headers" not in omitted:
        assert letter.headers[: len(record.headers)] == record.headers
    if "key" not in omitted:
        assert letter.key == record.key
    if not omitted:
        assert len(letter.headers) == len(record.headers) + 11
    assert headers["dlq.reason"] == reason.value.encode()
    assert Decoder().decode(result.value or b"", ChunkResult).reason == reason.value


@given(analyses, chunks, records)
def test_a_success_fits_or_is_refused(
    analysis: Analysis, chunk: AudioChunk, record: InputRecord
) -> None:
    writer = EventWriter(Encoder(), Topics(), MODELS, "0.1.0", MIN_LIMIT, MIN_LIMIT)
    large = sum(map(len, chunk.attributes.values())) > MIN_LIMIT
    if large:
        with pytest.raises(PermanentError) as caught:
            writer.diarized(chunk, record, analysis)
        assert caught.value.reason is Reason.OUTPUT_TOO_LARGE
    else:
        assert all(fits(o, MIN_LIMIT) for o in writer.diarized(chunk, record, analysis))
