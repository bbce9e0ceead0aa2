"""What the `.avsc` files promise beside each other."""

import json
from dataclasses import fields
from typing import Any

import pytest

from schemas import catalogue, records
from schemas.records import EVENTS, Record


def declared(name: str) -> dict[str, Any]:
    loaded = json.loads(catalogue.text(name))
    assert isinstance(loaded, dict)
    return loaded


def nested(name: str) -> dict[str, Any]:
    """The record of that name inside ChunkResult."""
    for field in declared("ChunkResult")["fields"]:
        kind = field["type"]
        inner = kind.get("items", kind) if isinstance(kind, dict) else {}
        if isinstance(inner, dict) and inner.get("name") == name:
            return inner
    raise AssertionError(f"ChunkResult holds no {name}")


@pytest.mark.parametrize(
    ("flat", "inside"), [("SpeakerSegment", "Segment"), ("SpeakerFingerprint", "Fingerprint")]
)
def test_flat_records_repeat_the_nested_fields_exactly(flat: str, inside: str) -> None:
    by_name = {field["name"]: field for field in declared(flat)["fields"]}
    for field in nested(inside)["fields"]:
        assert by_name[field["name"]] == field


@pytest.mark.parametrize("record", EVENTS, ids=lambda record: record.avro_name)
def test_dataclasses_have_the_schema_fields(record: type[Record]) -> None:
    names = {field["name"] for field in declared(record.avro_name)["fields"]}
    assert {field.name for field in fields(record)} == names  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["Segment", "Fingerprint", "Models", "Thresholds", "Source"])
def test_nested_dataclasses_have_the_schema_fields(name: str) -> None:
    names = {field["name"] for field in nested(name)["fields"]}
    assert {field.name for field in fields(getattr(records, name))} == names


@pytest.mark.parametrize("record", EVENTS, ids=lambda record: record.avro_name)
def test_what_cannot_evolve_is_not_used(record: type[Record]) -> None:
    """No enums; arrays, maps and unions with null always have a default."""

    def walk(schema: dict[str, Any]) -> None:
        for field in schema["fields"]:
            kind = field["type"]
            if isinstance(kind, list):
                assert kind[0] == "null", field["name"]
                assert field["default"] is None, field["name"]
                kind = kind[1]
            if not isinstance(kind, dict):
                continue
            assert kind["type"] != "enum", field["name"]
            if kind["type"] in ("array", "map"):
                assert field["default"] == ([] if kind["type"] == "array" else {}), field["name"]
                kind = kind.get("items", {})
            if isinstance(kind, dict) and kind.get("type") == "record":
                walk(kind)

    schema = declared(record.avro_name)
    assert schema["namespace"] == "speakerstream.v1"
    walk(schema)
