"""Arrays of floats, encoded at once.

Avro writes an array of floats as their count, four bytes each, and a zero. fastavro asks every
single number what it is, which is most of the cost of an event with embeddings. So it is given
these bytes ready-made, and a schema in which such an array is `fixed`, of their size. What it
writes is the same.
"""

import io
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastavro import schemaless_writer

from schemas import catalogue

_FLOATS = {"type": "array", "items": "float"}


@dataclass(frozen=True, slots=True)
class _Places:
    """Fields of a record that are arrays of floats, and those that are arrays of such records."""

    own: tuple[str, ...]
    inside: tuple[tuple[str, "_Places"], ...]


def pack(name: str, datum: Mapping[str, Any]) -> tuple[catalogue.Schema, Mapping[str, Any]]:
    """What to give fastavro for a datum of the record `name`: a schema, and the datum for it.

    Unchanged where there are no such arrays, or where they differ in length.

    Raises:
        struct.error, OverflowError: an item is no number, or too large for single precision.
    """
    places = _places(name)
    counts = set(_counts(datum, places))
    if len(counts) != 1:
        return catalogue.current(name), datum
    (count,) = counts
    return _twin(name, count), _packed(datum, places, count)


def _counts(datum: Mapping[str, Any], places: _Places) -> Iterator[int]:
    for field in places.own:
        yield len(datum[field])
    for field, within in places.inside:
        for each in datum[field]:
            yield from _counts(each, within)


def _packed(datum: Mapping[str, Any], places: _Places, count: int) -> dict[str, Any]:
    packed = dict(datum)
    for field in places.own:
        packed[field] = _bytes(datum[field], count)
    for field, within in places.inside:
        packed[field] = [_packed(each, within, count) for each in datum[field]]
    return packed


def _bytes(numbers: Sequence[float], count: int) -> bytes:
    return _head(count) + struct.pack(f"<{count}f", *numbers) + b"\0" * bool(count)


@cache
def _head(count: int) -> bytes:
    """What stands before the numbers."""
    buffer = io.BytesIO()
    schemaless_writer(buffer, {"type": "long"}, count)
    return buffer.getvalue()


@cache
def _places(name: str) -> _Places:
    return _places_in(json.loads(catalogue.text(name)))


def _places_in(record: Mapping[str, Any]) -> _Places:
    types = {field["name"]: field["type"] for field in record["fields"]}
    inside = {
        field: _places_in(kind["items"])
        for field, kind in types.items()
        if isinstance(kind, dict) and isinstance(kind.get("items"), dict)
        if kind["items"]["type"] == "record"
    }
    return _Places(
        own=tuple(field for field, kind in types.items() if kind == _FLOATS),
        inside=tuple((field, p) for field, p in inside.items() if p.own or p.inside),
    )


@cache
def _twin(name: str, count: int) -> catalogue.Schema:
    """The schema with every array of floats as `fixed`, of the size of `count` of them."""
    schema = json.loads(catalogue.text(name))
    _replace(schema, _places(name), len(_bytes([0.0] * count, count)))
    return catalogue.parse(json.dumps(schema))


def _replace(record: Mapping[str, Any], places: _Places, size: int) -> None:
    inside = dict(places.inside)
    for field in record["fields"]:
        if field["name"] in places.own:
            field["type"] = {"type": "fixed", "name": f"packed_{field['name']}", "size": size}
            field.pop("default", None)
        elif field["name"] in inside:
            _replace(field["type"]["items"], inside[field["name"]], size)
