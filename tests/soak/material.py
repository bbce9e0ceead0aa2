"""The inputs of a soak, and what each must be answered with."""

import hashlib
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastavro import schemaless_writer

from consumer.errors import PermanentError, Reason
from consumer.inference.results import Analysis
from consumer.inference.stand_in import StandInEngine
from consumer.pipeline.seams import Decoder as AudioDecoder
from schemas import catalogue
from schemas.codec import Decoder, Encoder
from schemas.errors import MalformedEventError, UnknownSchemaError
from schemas.records import AudioChunk
from tests.soak.damage import damaged, whole_files

_HEADER_BYTES = 10  # of single-object encoding
MAX_CHUNK_S = 20.0
MAX_OBJECT_BYTES = 1 << 20

Answer = Analysis | Reason


@dataclass(frozen=True, slots=True)
class Input:
    """A record's value; it must be answered with one of `answers`."""

    kind: str
    value: bytes
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class _Object:
    uri: str
    data: bytes


class Material:
    """Makes inputs from a seed, with their objects in `folder`.

    What an object must give is asked of `decoder`, alone and before the service gets it; what a
    declaration must give follows from how it was falsified.
    """

    def __init__(self, folder: Path, seed: int, decoder: AudioDecoder) -> None:
        self._folder = folder
        self._random = random.Random(seed)
        self._decoder = decoder
        self._files = whole_files()
        self._objects = {
            kind: self._store(f"whole.{kind}", data) for kind, data in self._files.items()
        }
        self._by_uri = {each.uri: each for each in self._objects.values()}

    def inputs(self, count: int) -> Iterator[Input]:
        """`count` of them: 60 % damaged objects, 25 % damaged events, 15 % false declarations."""
        makers = (self._object, self._event, self._declaration)
        for number in range(count):
            (make,) = self._random.choices(makers, (60, 25, 15))
            yield make(number)

    def _store(self, name: str, data: bytes) -> _Object:
        path = self._folder / name
        path.write_bytes(data)
        return _Object(path.as_uri(), data)

    def _any_file(self) -> str:
        return self._random.choice(list(self._files))

    # -- three kinds of input -----------------------------------------------------------------

    def _object(self, number: int) -> Input:
        kind = self._any_file()
        data = damaged(self._files[kind], self._files[self._any_file()], self._random)
        stored = self._store(f"{number}.{kind}", data)
        declared: dict[str, Any] = {}
        if self._random.random() < 0.5:
            declared = {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        value = Encoder().encode(_chunk(number, stored.uri, **declared))
        return Input(f"object: {kind}", value, (self._decoded(data, None),))

    def _event(self, number: int) -> Input:
        stored = self._objects[self._any_file()]
        value = Encoder().encode(_chunk(number, stored.uri, channel=0))
        value = damaged(value, Encoder().encode(_chunk(1, stored.uri)), self._random)
        return Input("event", value, self._read(value))

    def _declaration(self, number: int) -> Input:
        stored = self._objects[self._any_file()]
        name, fields, reason = self._random.choice(self._lies(stored))
        datum = {**_chunk(number, stored.uri).to_avro(), **fields}
        body = io.BytesIO()
        schemaless_writer(body, catalogue.current("AudioChunk"), datum)
        header = Encoder().encode(_chunk(0, stored.uri))[:_HEADER_BYTES]
        return Input(f"declaration: {name}", header + body.getvalue(), (reason,))

    def _lies(self, stored: _Object) -> list[tuple[str, dict[str, Any], Reason]]:
        number = self._random.randint(1, 1 << 40)
        somewhere = self._folder.as_uri()
        return [
            ("size", {"size_bytes": len(stored.data) + 1 + number % 1000}, Reason.DIGEST_MISMATCH),
            ("huge size", {"size_bytes": MAX_OBJECT_BYTES + number}, Reason.TOO_LARGE),
            ("negative size", {"size_bytes": -number}, Reason.MALFORMED_EVENT),
            ("digest", {"sha256": f"{number:064x}"}, Reason.DIGEST_MISMATCH),
            ("no digest", {"sha256": f"{number}"}, Reason.MALFORMED_EVENT),
            ("etag", {"etag": f'"{number}"'}, Reason.OBJECT_CHANGED),
            ("duration", {"duration_s": MAX_CHUNK_S + number}, Reason.TOO_LONG),
            ("endless", {"duration_s": float("inf")}, Reason.MALFORMED_EVENT),
            ("start", {"start_s": float("nan")}, Reason.MALFORMED_EVENT),
            ("channel", {"channel": 2 + number % 1000}, Reason.CHANNEL_OUT_OF_RANGE),
            ("negative channel", {"channel": -1 - number % 1000}, Reason.MALFORMED_EVENT),
            ("sequence", {"sequence": -1 - number % 1000}, Reason.MALFORMED_EVENT),
            ("no name", {"recording_id": ""}, Reason.MALFORMED_EVENT),
            ("long name", {"chunk_id": "x" * (1025 + number % 9000)}, Reason.MALFORMED_EVENT),
            ("missing", {"uri": f"{somewhere}/{number}.gone"}, Reason.OBJECT_MISSING),
            ("outside", {"uri": f"file:///etc/{number}"}, Reason.REFERENCE_FORBIDDEN),
            ("upwards", {"uri": f"{somewhere}/../{number}"}, Reason.REFERENCE_FORBIDDEN),
            ("scheme", {"uri": f"gopher://host/{number}"}, Reason.REFERENCE_FORBIDDEN),
        ]

    # -- what must come of it -----------------------------------------------------------------

    def _decoded(self, data: bytes, channel: int | None) -> Answer:
        try:
            waveform = self._decoder.submit(data, channel).result()
        except PermanentError as error:
            return error.reason
        (answer,) = StandInEngine().analyze([waveform])
        return answer if isinstance(answer, Analysis) else answer.reason

    def _read(self, value: bytes) -> tuple[Answer, ...]:
        """Of a damaged event: refused, or what its fields say now."""
        try:
            chunk = Decoder().decode(value, AudioChunk)
        except MalformedEventError:
            return (Reason.MALFORMED_EVENT,)
        except UnknownSchemaError:
            return (Reason.UNKNOWN_SCHEMA,)
        problems: list[Answer] = []
        if chunk.size_bytes is not None and chunk.size_bytes > MAX_OBJECT_BYTES:
            problems.append(Reason.TOO_LARGE)
        if chunk.duration_s is not None and chunk.duration_s > MAX_CHUNK_S:
            problems.append(Reason.TOO_LONG)
        stored = self._by_uri.get(chunk.uri)
        if stored is None:
            return (*problems, Reason.REFERENCE_FORBIDDEN, Reason.OBJECT_MISSING)
        if chunk.etag is not None:
            problems.append(Reason.OBJECT_CHANGED)
        if chunk.sha256 is not None or chunk.size_bytes not in (None, len(stored.data)):
            problems.append(Reason.DIGEST_MISMATCH)
        return tuple(problems) or (self._decoded(stored.data, chunk.channel),)


def _chunk(number: int, uri: str, **declared: Any) -> AudioChunk:
    return AudioChunk(
        recording_id=f"recording-{number % 24}",
        chunk_id=f"chunk-{number}",
        sequence=number,
        start_s=float(number),
        uri=uri,
        **declared,
    )
