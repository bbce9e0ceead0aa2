"""Records to Avro's binary encoding, field by field.

Avro writes a record as its fields one after the other, with nothing in between. So what stands in
many of a chunk's events is encoded once, here, and the bytes are put together; and an embedding's
numbers are packed at once. fastavro, which looks at every single value anew, encodes what is rare
(maps, timestamps).

Source: Avro specification 1.11, "Binary Encoding".
"""

import io
import struct
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any

from fastavro import schemaless_writer

from schemas import catalogue
from schemas.errors import MalformedEventError
from schemas.records import Record

_Write = Callable[[Any], bytes]

_SMALL = [bytes([number << 1 if number >= 0 else (-number << 1) - 1]) for number in range(-64, 64)]
_BITS, _MORE = 0x7F, 0x80  # of a byte: what it holds, and whether another follows


class Layout:
    """The fields of one record type, in order.

    Its methods raise MalformedEventError for a value that does not fit its type.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._name = schema["name"].rpartition(".")[2]
        self._writers = {field["name"]: _writer(field["type"]) for field in schema["fields"]}
        self._in_order = tuple(self._writers.values())
        self._values = attrgetter(*self._writers)

    @property
    def fields(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self._writers)

    def must_be(self, *fields: str) -> None:
        """Raise ValueError unless these are the fields, in this order.

        For who puts a record together from parts of other records.
        """
        if fields != self.fields:
            raise ValueError(f"{self._name} has the fields {self.fields}, not {fields}")

    def writer(self, field: str) -> Callable[[Any], bytes]:
        """What encodes a field whose values are known to fit; others raise as Python does."""
        return self._writers[field]

    def part(self, field: str, value: Any) -> bytes:
        """One field, encoded."""
        try:
            return self._writers[field](value)
        except _UNFIT as error:
            raise MalformedEventError(
                f"{self._name} cannot be encoded: {field}: {error}"
            ) from error

    def parts(self, record: Record, **known: bytes) -> dict[str, bytes]:
        """Every field, encoded; those in `known` are."""
        return {
            field: known[field] if field in known else self.part(field, getattr(record, field))
            for field in self._writers
        }

    def encode(self, record: Record) -> bytes:
        """The record."""
        try:
            return b"".join(
                [write(value) for write, value in zip(self._in_order, self._values(record))]  # noqa: B905
            )
        except _UNFIT:
            return b"".join(self.parts(record).values())  # raises, and names the field


@cache
def of(name: str) -> Layout:
    """The layout of an event, by its schema's name."""
    return Layout(catalogue.current(name))


@cache
def within(name: str, field: str) -> Layout:
    """The layout of the records in an array of an event."""
    fields = catalogue.current(name)["fields"]
    return Layout(next(each["type"]["items"] for each in fields if each["name"] == field))


def array(items: Iterable[bytes]) -> bytes:
    """An array of encoded items."""
    found = list(items)
    return b"".join((_long(len(found)), *found, b"\0")) if found else b"\0"


# -- types ------------------------------------------------------------------------------------


def _writer(schema: Any) -> _Write:
    match schema:
        case str() if schema in _PRIMITIVES:
            return _PRIMITIVES[schema]
        case ["null", other]:
            return _optional(_writer(other))
        case {"type": "array", "items": "float"}:
            return _floats
        case {"type": "array", "items": {"type": "record"} as items}:
            layout = Layout(items)
            return lambda records: array(map(layout.encode, records))
        case {"type": "array", "items": items}:
            write = _writer(items)
            return lambda values: array(map(write, values))
        case {"type": "record"}:
            layout = Layout(schema)
            return layout.encode
    return lambda value: _by_fastavro(schema, value)


def _optional(write: _Write) -> _Write:
    return lambda value: b"\0" if value is None else b"\x02" + write(value)


def _int(value: int) -> bytes:
    if not -(2**31) <= value < 2**31:
        raise OverflowError(f"{value} has more than 32 bits")
    return _long(value)


def _long(value: int) -> bytes:
    if -64 <= value < 64:
        return _SMALL[value + 64]
    if not -(2**63) <= value < 2**63:
        raise OverflowError(f"{value} has more than 64 bits")
    rest = (value << 1) ^ (value >> 63)
    found = bytearray()
    while rest > _BITS:
        found.append(rest & _BITS | _MORE)
        rest >>= 7
    found.append(rest)
    return bytes(found)


def _string(value: str) -> bytes:
    encoded = value.encode()
    return _long(len(encoded)) + encoded


def _boolean(value: bool) -> bytes:
    return b"\x01" if value else b"\0"


def _floats(values: tuple[float, ...]) -> bytes:
    count = len(values)
    return _long(count) + struct.pack(f"<{count}f", *values) + b"\0" if count else b"\0"


def _by_fastavro(schema: Any, value: Any) -> bytes:
    buffer = io.BytesIO()
    schemaless_writer(buffer, schema, value)
    return buffer.getvalue()


_PRIMITIVES: dict[str, _Write] = {
    "boolean": _boolean,
    "int": _int,
    "long": _long,
    "float": struct.Struct("<f").pack,
    "double": struct.Struct("<d").pack,
    "string": _string,
}
_UNFIT = (ValueError, TypeError, AttributeError, OverflowError, struct.error)
