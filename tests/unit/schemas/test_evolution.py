"""The guide in docs/schema-evolution.md, tried with made-up fields on every record."""

import io
import json
from typing import Any

import pytest
from fastavro import schemaless_reader, schemaless_writer
from fastavro.read import SchemaResolutionError

from schemas import catalogue
from schemas.codec import Decoder
from schemas.errors import MalformedEventError
from schemas.records import Record
from tests.wire.events import EVENTS

each_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.avro_name)
ADDED = {"name": "made_up", "type": ["null", "string"], "default": None}


def changed(event: Record, *added: dict[str, Any], without: str = "") -> catalogue.Schema:
    """The record's schema with fields added at its end and one taken away."""
    schema = json.loads(catalogue.text(event.avro_name))
    kept = [field for field in schema["fields"] if field["name"] != without]
    return catalogue.parse(json.dumps({**schema, "fields": [*kept, *added]}))


def written(schema: catalogue.Schema, datum: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    schemaless_writer(buffer, schema, datum)
    return buffer.getvalue()


class Registry:
    """Knows one schema."""

    def __init__(self, schema: catalogue.Schema) -> None:
        self._schema = schema

    def schema(self, schema_id: int) -> str:
        # fastavro marks what it has parsed with keys of its own.
        return json.dumps({k: v for k, v in self._schema.items() if not k.startswith("__")})

    def id_of(self, subject: str, schema: str) -> int:
        raise AssertionError("reading never registers")


def read_today(writer: catalogue.Schema, datum: dict[str, Any], event: Record) -> Record:
    """As today's code reads what a writer of another version registered and wrote."""
    data = b"\x00\x00\x00\x00\x07" + written(writer, datum)
    return Decoder(Registry(writer)).decode(data, type(event))


@each_event
def test_a_field_with_a_default_is_read_both_ways(event: Record) -> None:
    newer = changed(event, ADDED)
    assert read_today(newer, {**event.to_avro(), "made_up": "x"}, event) == event
    today = written(catalogue.current(event.avro_name), event.to_avro())
    seen: Any = schemaless_reader(io.BytesIO(today), catalogue.current(event.avro_name), newer)
    assert seen["made_up"] is None
    del seen["made_up"]
    assert type(event).from_avro(seen) == event


@each_event
def test_a_field_without_a_default_cannot_be_read_from_old_events(event: Record) -> None:
    newer = changed(event, {"name": "made_up", "type": "string"})
    today = written(catalogue.current(event.avro_name), event.to_avro())
    with pytest.raises(SchemaResolutionError):
        schemaless_reader(io.BytesIO(today), catalogue.current(event.avro_name), newer)


@each_event
def test_a_field_without_a_default_cannot_be_removed(event: Record) -> None:
    older = changed(event, without="recording_id")
    with pytest.raises(MalformedEventError, match="recording_id"):
        read_today(older, event.to_avro(), event)


@each_event
def test_a_field_with_a_default_can_be_missing(event: Record) -> None:
    """An older writer, from before each of today's optional fields."""
    for field in json.loads(catalogue.text(event.avro_name))["fields"]:
        if "default" in field:
            seen = read_today(changed(event, without=field["name"]), event.to_avro(), event)
            assert seen.to_avro()[field["name"]] == field["default"]
