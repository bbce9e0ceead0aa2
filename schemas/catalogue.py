"""The schemas committed here: today's of each record, and every earlier one by fingerprint."""

import json
from functools import cache
from pathlib import Path
from typing import Any, cast

from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

Schema = dict[str, Any]
"""A parsed Avro record schema."""

_ROOT = Path(__file__).parent


@cache
def text(name: str) -> str:
    """Today's schema of a record as JSON, as it is registered.

    Without the file's last newline: Confluent's clients strip what they are given, and a registry
    may find a schema by its exact text only.
    """
    return (_ROOT / f"{name}.avsc").read_text(encoding="utf-8").strip()


@cache
def current(name: str) -> Schema:
    """Today's schema of a record, parsed."""
    return parse(text(name))


@cache
def versions(name: str) -> tuple[Schema, ...]:
    """Every committed version of a record's schema, oldest first."""
    files = sorted((_ROOT / "history" / name).glob("*.avsc"), key=lambda file: int(file.stem))
    return tuple(parse(file.read_text(encoding="utf-8")) for file in files)


@cache
def by_fingerprint(name: str) -> dict[bytes, Schema]:
    """The versions of a record by the fingerprint in single-object encoding."""
    return {rabin(schema): schema for schema in (*versions(name), current(name))}


@cache
def fingerprint_of(name: str) -> bytes:
    """The fingerprint of a record's schema of today; see `rabin`."""
    return rabin(current(name))


def parse(schema: str) -> Schema:
    """Parse a schema given as JSON.

    Raises:
        ValueError: it is no JSON, or no record.
        fastavro.schema.SchemaParseException: it is no schema.
    """
    loaded = json.loads(schema)
    if not isinstance(loaded, dict):
        raise ValueError("an event's schema must be a record")
    return cast(Schema, parse_schema(loaded))


def rabin(schema: Schema | str) -> bytes:
    """CRC-64-AVRO of the canonical form, 8 bytes, little endian, as single-object encoding has it.

    Source: Avro specification 1.11, "Schema Fingerprints".
    """
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
