"""What the events of one record look like, with literal ids."""

import hashlib
import json
import uuid
from datetime import UTC, datetime

import numpy as np
import pytest

from consumer import event_ids
from consumer.errors import PermanentError, Reason
from consumer.events import EventWriter, Topics, key_matches
from consumer.inference.results import Analysis, Fingerprint, Models, Segment
from consumer.records import InputRecord, OutputRecord, Ticket
from schemas.codec import Decoder, Encoder
from schemas.records import AudioChunk, ChunkResult, SpeakerFingerprint, SpeakerSegment

MODELS = Models("compact", "titanet", "d" * 64, "e" * 64, 0.4, 0.6, "f" * 64)
NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
CHUNK = AudioChunk(
    recording_id="réunion",
    chunk_id="c-7",
    sequence=7,
    start_s=210.0,
    uri="file:///audio/c-7.flac",
    last=True,
    attributes={"room": "12"},
)
RECORD = InputRecord(
    ticket=Ticket(partition=3, epoch=1, offset=42),
    topic="audio-chunks",
    key="réunion".encode(),
    value=b"\x00original",
    headers=(("traceparent", b"00-abc"), ("other", None)),
    timestamp_ms=1_700_000_000_123,
    attempts=2,
)
VOICE = np.full(4, 0.5, np.float32)
ANALYSIS = Analysis(
    duration_s=30.0,
    segments=(
        Segment(0, -0.01, 12.5, 0.9, 0.25),
        Segment(2, 10.0, 30.07, None, 1.0000001),
        Segment(3, 30.0, 30.07, 0.5, 0.0),
    ),
    fingerprints=(Fingerprint(0, VOICE, 11.0, True, None, 2.0, 1.0000001),),
    speakers_without_fingerprint=(2,),
)

RESULT_ID = "b8297916-9d70-55ba-9a4d-130008f1f872"
EVENT_IDS = (
    "92b6524a-027c-5212-af4f-48f7d059fd36",
    "7373dde0-fe78-5b00-a223-86c04ba02532",
    "d89871a7-03a6-5680-97a4-93be4f761491",
    "bba2d4d3-1b2f-5980-8f58-e7175e911531",
)


def writer(**limits: int) -> EventWriter:
    return EventWriter(Encoder(), Topics(), MODELS, "0.1.0", clock=lambda: NOW, **limits)


def result_of(output: OutputRecord) -> ChunkResult:
    return Decoder().decode(output.value or b"", ChunkResult)


def test_a_diarized_chunk() -> None:
    outputs = writer().diarized(CHUNK, RECORD, ANALYSIS)
    assert [output.topic for output in outputs] == [
        "chunk-results",
        "speaker-segments",
        "speaker-segments",
        "speaker-fingerprints",
    ]
    assert {output.key for output in outputs} == {"réunion".encode()}
    assert {output.headers for output in outputs} == {(("traceparent", b"00-abc"),)}
    result = result_of(outputs[0])
    assert (result.status, result.reason, result.attempts) == ("diarized", None, 2)
    assert (result.recording_id, result.chunk_id, result.sequence) == ("réunion", "c-7", 7)
    assert (result.start_s, result.duration_s, result.last) == (210.0, 30.0, True)
    assert result.speakers_detected == ("Speaker_0", "Speaker_2")
    assert result.speakers_without_fingerprint == ("Speaker_2",)
    assert [(s.speaker, s.start_s, s.end_s) for s in result.segments] == [
        ("Speaker_0", 0.0, 12.5),
        ("Speaker_2", 10.0, 30.0),  # clamped; Speaker_3 lay past the end
    ]
    assert [s.confidence for s in result.segments] == [pytest.approx(0.9), None]
    assert result.segments[1].overlap_ratio == 1.0
    assert result.fingerprints[0].embedding == (0.5, 0.5, 0.5, 0.5)
    assert result.fingerprints[0].confidence == 1.0
    assert (result.models.diarization, result.models.embedding) == ("compact", "titanet")
    assert result.thresholds.same_voice_cosine == 0.4
    assert result.thresholds.uncertain_confidence == 0.6
    assert result.attributes == {"room": "12"}
    assert (result.source.topic, result.source.partition, result.source.offset) == (
        "audio-chunks",
        3,
        42,
    )
    assert result.processed_at == NOW


def test_ids_are_what_the_contract_says_and_never_change() -> None:
    outputs = writer().diarized(CHUNK, RECORD, ANALYSIS)
    result = result_of(outputs[0])
    assert result.result_id == RESULT_ID
    assert result.event_id == EVENT_IDS[0]
    assert Decoder().decode(outputs[1].value or b"", SpeakerSegment).event_id == EVENT_IDS[1]
    assert Decoder().decode(outputs[2].value or b"", SpeakerSegment).event_id == EVENT_IDS[2]
    voice = Decoder().decode(outputs[3].value or b"", SpeakerFingerprint)
    assert voice.event_id == EVENT_IDS[3]

    # The same once more, by the recipe of the contract and the standard library alone.
    how = hashlib.sha256(f'["{"f" * 64}","0"]'.encode()).hexdigest()
    name = json.dumps(
        ["réunion", "c-7", "d" * 64, "e" * 64, how], ensure_ascii=False, separators=(",", ":")
    )
    expected = uuid.uuid5(uuid.UUID("6f1f6a3e-52d5-4b0e-9a52-1c8e0e4c7a91"), name)
    assert result.result_id == str(expected)
    assert result.event_id == str(uuid.uuid5(expected, '["ChunkResult",0]'))


def test_a_replay_repeats_ids_and_a_new_checkpoint_changes_them() -> None:
    first = result_of(writer().diarized(CHUNK, RECORD, ANALYSIS)[0])
    again = InputRecord(Ticket(0, 9, 99), "other", None, None, (), 0)
    assert result_of(writer().diarized(CHUNK, again, ANALYSIS)[0]).event_id == first.event_id
    for change in (
        {"diarization_sha256": "0" * 64},
        {"embedding_sha256": "0" * 64},
        {"postprocessing_sha256": "0" * 64},
    ):
        models = Models(**{**{f: getattr(MODELS, f) for f in Models.__slots__}, **change})
        other = EventWriter(Encoder(), Topics(), models, "0.1.0")
        assert result_of(other.diarized(CHUNK, RECORD, ANALYSIS)[0]).result_id != first.result_id
    minor = EventWriter(Encoder(), Topics(), MODELS, "0.2.0")
    assert result_of(minor.diarized(CHUNK, RECORD, ANALYSIS)[0]).result_id == first.result_id
    major = EventWriter(Encoder(), Topics(), MODELS, "1.0.0")
    assert result_of(major.diarized(CHUNK, RECORD, ANALYSIS)[0]).result_id != first.result_id


def test_a_failed_chunk() -> None:
    letter, output = writer().failed(RECORD, CHUNK, Reason.NOT_AUDIO, "no audio stream")
    assert letter.topic == "audio-chunks.dead-letters"
    assert (letter.key, letter.value) == (RECORD.key, RECORD.value)
    assert letter.headers[:2] == RECORD.headers
    assert dict(letter.headers[2:]) == {
        "__connect.errors.topic": b"audio-chunks",
        "__connect.errors.partition": b"3",
        "__connect.errors.offset": b"42",
        "__connect.errors.connector.name": b"speakerstream",
        "__connect.errors.stage": b"TASK_PUT",
        "__connect.errors.exception.class.name": b"consumer.errors.PermanentError",
        "__connect.errors.exception.message": b"no audio stream",
        "dlq.reason": b"not_audio",
        "dlq.attempts": b"2",
        "dlq.version": b"0.1.0",
        "dlq.original.timestamp": b"1700000000123",
    }
    result = result_of(output)
    assert output.topic == "chunk-results"
    assert (result.status, result.reason) == ("failed", "not_audio")
    assert (result.recording_id, result.chunk_id, result.sequence) == ("réunion", "c-7", 7)
    assert (result.duration_s, result.segments, result.fingerprints) == (None, (), ())
    assert result.attributes == {"room": "12"}


def test_a_success_after_a_failure_is_a_new_event_of_the_same_result() -> None:
    failed = result_of(writer().failed(RECORD, CHUNK, Reason.OBJECT_MISSING, "")[1])
    again = result_of(writer().failed(RECORD, CHUNK, Reason.OBJECT_MISSING, "")[1])
    success = result_of(writer().diarized(CHUNK, RECORD, ANALYSIS)[0])
    assert failed.result_id == success.result_id
    assert failed.event_id == again.event_id != success.event_id


@pytest.mark.parametrize(
    ("key", "recording_id"),
    [("réunion".encode(), "réunion"), (b"\xff", ""), (None, ""), (b"k" * 1025, "")],
)
def test_an_event_that_cannot_be_read(key: bytes | None, recording_id: str) -> None:
    record = InputRecord(Ticket(1, 1, 5), "audio-chunks", key, b"junk", (), 0)
    letter, output = writer().failed(record, None, Reason.MALFORMED_EVENT, "junk")
    result = result_of(output)
    assert (letter.key, letter.value) == (key, b"junk")
    assert dict(letter.headers)["__connect.errors.stage"] == b"VALUE_CONVERTER"
    assert (result.recording_id, result.chunk_id, result.sequence) == (recording_id, "", -1)
    assert output.key == recording_id.encode()


def test_two_unreadable_events_never_share_ids() -> None:
    places = [("a", 1, 5), ("a", 1, 6), ("a", 2, 5), ("b", 1, 5), ("a", 15, 5)]
    records = [InputRecord(Ticket(p, 1, o), t, b"k", b"junk", (), 0) for t, p, o in places]
    found = [
        result_of(writer().failed(record, None, Reason.MALFORMED_EVENT, "")[1])
        for record in records
    ]
    assert len({result.result_id for result in found}) == len(places)
    assert len({result.event_id for result in found}) == len(places)


def test_a_too_large_result_is_refused_by_name() -> None:
    segments = tuple(Segment(0, float(i), i + 0.5, 0.9, 0.0) for i in range(2000))
    with pytest.raises(PermanentError, match="ChunkResult") as caught:
        writer(max_message_bytes=20_000).diarized(CHUNK, RECORD, Analysis(2000.0, segments, ()))
    assert caught.value.reason is Reason.OUTPUT_TOO_LARGE


def test_limits_below_a_failed_result_are_refused() -> None:
    with pytest.raises(ValueError, match="16384"):
        writer(max_message_bytes=1000)


@pytest.mark.parametrize(
    "analysis",
    [
        Analysis(float("nan"), (), ()),
        Analysis(1.0, (Segment(0, float("nan"), 1.0, 0.5, 0.0),), ()),
        Analysis(1.0, (Segment(0, 0.0, float("inf"), 0.5, 0.0),), ()),
    ],
)
def test_times_that_are_no_numbers(analysis: Analysis) -> None:
    with pytest.raises(PermanentError) as caught:
        writer().diarized(CHUNK, RECORD, analysis)
    assert caught.value.reason is Reason.INVALID_MODEL_OUTPUT


def test_numbers_that_are_none_become_null_and_the_rest_goes_out() -> None:
    nan = float("nan")
    broken = np.array([nan, 1.0], np.float32)
    analysis = Analysis(
        2.0,
        (Segment(0, 0.0, 1.0, nan, nan), Segment(1, 0.0, 1.0, 0.5, 0.0)),
        (
            Fingerprint(0, broken, 1.0, True, 0.5, 1.0, 0.5),
            Fingerprint(1, VOICE, 1.0, True, nan, 1.0, nan),
        ),
    )
    result = result_of(writer().diarized(CHUNK, RECORD, analysis)[0])
    assert result.segments[0].confidence is None
    assert [f.speaker for f in result.fingerprints] == ["Speaker_1"]
    assert (result.fingerprints[0].cohesion, result.fingerprints[0].confidence) == (None, None)
    assert result.speakers_without_fingerprint == ("Speaker_0",)


def test_silence_is_a_result() -> None:
    (output,) = writer().diarized(CHUNK, RECORD, Analysis(30.0, (), ()))
    assert result_of(output).status == "diarized"


def test_key_matches() -> None:
    assert key_matches(RECORD, CHUNK)
    assert not key_matches(InputRecord(Ticket(0, 0, 0), "t", b"x", None, (), 0), CHUNK)
    assert not key_matches(InputRecord(Ticket(0, 0, 0), "t", None, None, (), 0), CHUNK)


def test_ids_of_events_are_those_of_the_standard_library() -> None:
    work = uuid.UUID(RESULT_ID)
    names = [json.dumps(["SpeakerSegment", n], separators=(",", ":")) for n in range(300)]
    expected = [str(uuid.uuid5(work, name)) for name in names]
    assert event_ids.event_ids(RESULT_ID, "SpeakerSegment", 300) == expected
