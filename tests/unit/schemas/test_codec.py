"""The wire formats byte for byte, and what each kind of bad event is called."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from fastavro import schemaless_writer

from schemas import catalogue
from schemas.codec import Decoder, Encoder
from schemas.errors import MalformedEventError, RegistryUnavailableError, UnknownSchemaError
from schemas.records import AudioChunk, SpeakerSegment

CHUNK = AudioChunk(
    recording_id="r",
    chunk_id="c",
    sequence=1,
    start_s=0.5,
    uri="file:///a",
    recorded_at=datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
    attributes={"k": "v"},
)
# Written out by hand from the Avro specification: strings and longs are zigzag varints with their
# bytes, 0.5 is a little-endian IEEE double, 00 picks null, 02 the second branch of a union.
BODY = bytes.fromhex(
    "0272 0263 02 000000000000e03f 00 1266696c653a2f2f2f61 00 00 00 00 00 00 02d00f 00"
    "02 026b 0276 00"
)


class FixedRegistry:
    """Answers every question the same way."""

    def __init__(self, answer: str | Exception) -> None:
        self.answer = answer
        self.asked = 0

    def schema(self, schema_id: int) -> str:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def id_of(self, subject: str, schema: str) -> int:
        assert subject == "audio-chunks-value"
        return 7


def test_rabin_fingerprint_as_published() -> None:
    """The specification's own implementation gives 7275d51a3f395c8f for "int"."""
    assert catalogue.rabin("int")[::-1].hex() == "7275d51a3f395c8f"


def test_audio_chunk_body_is_what_the_specification_says() -> None:
    data = Encoder().encode(CHUNK)
    assert data[:2] == b"\xc3\x01"
    assert data[2:10] == catalogue.rabin(catalogue.current("AudioChunk"))
    assert data[10:].hex() == BODY.hex()


def values(chunk: AudioChunk) -> dict[str, Any]:
    return {**chunk.to_avro(), "recorded_at": chunk.recorded_at}


def test_confluent_header() -> None:
    registry = FixedRegistry(catalogue.text("AudioChunk"))
    data = Encoder(registry, {AudioChunk: "audio-chunks"}).encode(CHUNK)
    assert data == b"\x00\x00\x00\x00\x07" + BODY


def test_a_schema_is_asked_for_once() -> None:
    registry = FixedRegistry(catalogue.text("AudioChunk"))
    decoder = Decoder(registry)
    for _ in range(3):
        assert decoder.decode(b"\x00\x00\x00\x00\x07" + BODY, AudioChunk) == CHUNK
    assert registry.asked == 1


def test_single_object_is_read_with_a_registry_too() -> None:
    assert Decoder(FixedRegistry("")).decode(Encoder().encode(CHUNK), AudioChunk) == CHUNK


def test_unknown_fingerprint() -> None:
    with pytest.raises(UnknownSchemaError, match="0102030405060708"):
        Decoder().decode(b"\xc3\x01" + bytes(range(1, 9)) + BODY, AudioChunk)


@pytest.mark.parametrize("error", [UnknownSchemaError("404"), RegistryUnavailableError("503")])
def test_the_registrys_answer_decides_between_unknown_and_unavailable(error: Exception) -> None:
    with pytest.raises(type(error)):
        Decoder(FixedRegistry(error)).decode(b"\x00\x00\x00\x00\x09" + BODY, AudioChunk)


def test_no_registry_set() -> None:
    with pytest.raises(UnknownSchemaError, match="none is set"):
        Decoder().decode(b"\x00\x00\x00\x00\x09" + BODY, AudioChunk)


@pytest.mark.parametrize("text", ["", "[]", '"string"', '{"type": "nonsense"}'])
def test_a_registered_schema_that_is_no_record(text: str) -> None:
    with pytest.raises(UnknownSchemaError, match="schema id 9"):
        Decoder(FixedRegistry(text)).decode(b"\x00\x00\x00\x00\x09" + BODY, AudioChunk)


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"\x00\x00\x00\x01", b"\xc3\x01\x01", b"{}", b"\xc3"]
)
def test_neither_format(data: bytes) -> None:
    with pytest.raises(MalformedEventError, match="neither"):
        Decoder().decode(data, AudioChunk)


def test_another_record_on_the_topic() -> None:
    registry = FixedRegistry(catalogue.text("SpeakerSegment"))
    with pytest.raises(MalformedEventError, match="not a AudioChunk"):
        Decoder(registry).decode(b"\x00\x00\x00\x00\x09" + BODY, AudioChunk)
    with pytest.raises(UnknownSchemaError):
        Decoder().decode(Encoder().encode(CHUNK), SpeakerSegment)


def test_a_writer_that_lacks_a_field_without_default() -> None:
    text = '{"type":"record","name":"AudioChunk","namespace":"speakerstream.v1","fields":[]}'
    with pytest.raises(MalformedEventError, match="AudioChunk"):
        Decoder(FixedRegistry(text)).decode(b"\x00\x00\x00\x00\x09", AudioChunk)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("recording_id", ""),
        ("recording_id", "x" * 1025),
        ("chunk_id", ""),
        ("uri", ""),
        ("sequence", -1),
        ("start_s", -0.5),
        ("start_s", float("nan")),
        ("start_s", float("inf")),
        ("duration_s", float("inf")),
        ("size_bytes", -1),
        ("sha256", "abc"),
        ("sha256", "g" * 64),
        ("channel", -1),
    ],
)
def test_values_outside_the_contract_name_the_field(field: str, value: object) -> None:
    """Checked on decoding, not only on making: the bytes are written past the dataclass."""
    buffer = io.BytesIO()
    schema = catalogue.current("AudioChunk")
    schemaless_writer(buffer, schema, {**CHUNK.to_avro(), field: value})
    with pytest.raises(MalformedEventError, match=field):
        Decoder().decode(b"\xc3\x01" + catalogue.rabin(schema) + buffer.getvalue(), AudioChunk)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(MalformedEventError, match="recorded_at"):
        AudioChunk(**{**values(CHUNK), "recorded_at": datetime(2026, 1, 1)})


def test_digests_are_compared_in_lower_case() -> None:
    assert AudioChunk(**{**values(CHUNK), "sha256": "AB" * 32}).sha256 == "ab" * 32
