"""Records to bytes and back, in two wire formats told apart by their first bytes.

* Confluent: 0x00, the schema's id in the registry (4 bytes, big endian), Avro binary.
* Avro single-object encoding: 0xC3 0x01, CRC-64-AVRO of the schema (8 bytes, little endian),
  Avro binary. Needs no registry.
"""

import io
import struct
from collections.abc import Mapping
from typing import Any, TypeVar

from fastavro import schemaless_reader

from schemas import catalogue, layout
from schemas.errors import MalformedEventError, UnknownSchemaError
from schemas.records import EVENTS, Record
from schemas.registry import RegistryClient

R = TypeVar("R", bound=Record)

_CONFLUENT = b"\x00"
_SINGLE_OBJECT = b"\xc3\x01"
_CONFLUENT_HEADER = 5  # magic byte and id
_SINGLE_OBJECT_HEADER = 10  # two magic bytes and fingerprint


def subject(topic: str) -> str:
    """The registry's subject of a topic's values (TopicName strategy)."""
    return f"{topic}-value"


class Encoder:
    """Encodes records: Confluent format with a registry, single-object encoding without.

    With a registry, the id of each record type in `topics` is asked for here, once, so that
    encoding never waits for the network.

    Raises:
        UnknownSchemaError: the registry does not hold today's schema under the topic's subject.
        RegistryUnavailableError: the registry gave no answer.
    """

    def __init__(
        self,
        registry: RegistryClient | None = None,
        topics: Mapping[type[Record], str] | None = None,
    ) -> None:
        if registry is None:
            self._headers = {
                record: _SINGLE_OBJECT + catalogue.fingerprint_of(record.avro_name)
                for record in EVENTS
            }
        else:
            self._headers = {
                record: _CONFLUENT
                + struct.pack(
                    ">I", registry.id_of(subject(topic), catalogue.text(record.avro_name))
                )
                for record, topic in (topics or {}).items()
            }

    def encode(self, record: Record) -> bytes:
        """The record's bytes, header included.

        Raises:
            MalformedEventError: a value does not fit its Avro type.
            LookupError: a registry is in use and this record type was not among `topics`.
        """
        return self.header(type(record)) + layout.of(record.avro_name).encode(record)

    def header(self, record_type: type[Record]) -> bytes:
        """What stands before a record of this type. Raises LookupError as `encode` does."""
        return self._headers[record_type]


class Decoder:
    """Decodes both wire formats, whatever the registry setting; keeps the schemas it asked for.

    An id not seen before costs one request to the registry; nothing else touches the network.
    """

    def __init__(self, registry: RegistryClient | None = None) -> None:
        self._registry = registry
        self._by_id: dict[int, catalogue.Schema] = {}

    def decode(self, data: bytes, record_type: type[R]) -> R:
        """The record in `data`, read as today's schema whatever version wrote it.

        Raises:
            MalformedEventError: no known format, cut short, bytes left over, another record, or a
                value outside the contract.
            UnknownSchemaError: neither the committed history nor the registry has the schema.
            RegistryUnavailableError: the registry gave no answer; the event may be fine.
        """
        writer, body = self._writer(data, record_type.avro_name)
        return record_type.from_avro(_read(body, writer, record_type.avro_name))

    def _writer(self, data: bytes, name: str) -> tuple[catalogue.Schema, bytes]:
        if data.startswith(_CONFLUENT) and len(data) >= _CONFLUENT_HEADER:
            (schema_id,) = struct.unpack(">I", data[1:_CONFLUENT_HEADER])
            return self._registered(schema_id), data[_CONFLUENT_HEADER:]
        if data.startswith(_SINGLE_OBJECT) and len(data) >= _SINGLE_OBJECT_HEADER:
            fingerprint = data[2:_SINGLE_OBJECT_HEADER]
            schema = catalogue.by_fingerprint(name).get(fingerprint)
            if schema is None:
                raise UnknownSchemaError(
                    f"no version of {name} has the fingerprint {fingerprint.hex()}"
                )
            return schema, data[_SINGLE_OBJECT_HEADER:]
        raise MalformedEventError(
            f"{len(data)} bytes starting {data[:10].hex() or 'nowhere'} are neither Confluent wire "
            "format (00) nor Avro single-object encoding (c301)"
        )

    def _registered(self, schema_id: int) -> catalogue.Schema:
        if self._registry is None:
            raise UnknownSchemaError(
                f"the event names schema id {schema_id} of a registry, and none is set"
            )
        if schema_id not in self._by_id:
            text = self._registry.schema(schema_id)
            try:
                self._by_id[schema_id] = catalogue.parse(text)
            except Exception as error:  # fastavro raises several kinds for a bad schema
                raise UnknownSchemaError(
                    f"schema id {schema_id} is no Avro record schema: {error}"
                ) from error
        return self._by_id[schema_id]


def _read(body: bytes, writer: catalogue.Schema, name: str) -> Mapping[str, Any]:
    buffer = io.BytesIO(body)
    try:
        datum = schemaless_reader(buffer, writer, catalogue.current(name))
    except Exception as error:  # fastavro: EOFError, IndexError, OverflowError, ValueError ...
        raise MalformedEventError(
            f"not a {name}: {type(error).__name__}: {str(error)[:200]}"
        ) from error
    left = len(body) - buffer.tell()
    if left:
        raise MalformedEventError(f"{left} bytes are left over after the {name}")
    assert isinstance(datum, dict)
    return datum
