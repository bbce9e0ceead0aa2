"""Single-object encoding as Apache Avro's own libraries read and write it, in Python and in Java.

The header is Java's to check: the Python library has no reader for it, and its fingerprint of a
schema with a logical type is another (it leaves `{"type": "long"}` where the specification's
canonical form says `"long"`).
"""

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import avro.io
import avro.schema
import pytest
from fastavro import json_reader

import deploy.maven
import tests.wire
from schemas import catalogue
from schemas.codec import Decoder, Encoder
from schemas.records import Record
from tests.brokers.parts import RealParts
from tests.wire.events import CHUNK, EVENTS

WIRE = Path(tests.wire.__file__).parent
each_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.avro_name)


@each_event
def test_python_reads_and_writes_the_same_bytes(event: Record) -> None:
    schema = avro.schema.parse(catalogue.text(event.avro_name))
    data = Encoder().encode(event)
    buffer = io.BytesIO(data[10:])
    datum: Any = avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(buffer))
    assert buffer.read() == b""
    assert type(event).from_avro(datum) == event

    written = io.BytesIO()
    avro.io.DatumWriter(schema).write(event.to_avro(), avro.io.BinaryEncoder(written))
    assert data[:10] + written.getvalue() == data


class Java:
    """Apache Avro for Java: `BinaryMessageDecoder` and `BinaryMessageEncoder`."""

    def __init__(self, jars: Path) -> None:
        self._jars = jars

    def __call__(self, what: str, event: type[Record], line: str) -> str:
        schema = Path(catalogue.__file__).with_name(f"{event.avro_name}.avsc")
        program = str(WIRE / "SingleObject.java")
        done = subprocess.run(
            ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{self._jars}/*", program, what, schema],
            input=line,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env={"PATH": "/usr/bin:/bin", "JAVA_TOOL_OPTIONS": "-Dfile.encoding=UTF-8"},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def java(real_parts: RealParts) -> Java:
    problem = deploy.maven.missing()
    if problem is None and shutil.which("javac") is None:
        problem = "no `javac` on PATH: install a JDK 17, not only its runtime"
    real_parts.need("Apache Avro for Java", problem)
    return Java(deploy.maven.deliver(WIRE / "pom.xml", "dependency:copy-dependencies"))


@pytest.mark.parts
@each_event
def test_java_reads_and_writes_the_same_bytes(java: Java, event: Record) -> None:
    """Java computes the fingerprint in the header itself, and refuses one it does not know."""
    data = Encoder().encode(event)
    text = java("decode", type(event), data.hex())
    found: Any = next(iter(json_reader(io.StringIO(text), catalogue.current(event.avro_name))))
    assert type(event).from_avro(found) == event
    assert bytes.fromhex(java("encode", type(event), text)) == data


@pytest.mark.parts
def test_what_java_writes_is_accepted(java: Java) -> None:
    text = (
        '{"recording_id":"r","chunk_id":"c","sequence":0,"start_s":0.0,"duration_s":null,'
        '"uri":"file:///a.wav","size_bytes":{"long":7},"sha256":null,"etag":null,"version_id":null,'
        '"content_type":null,"channel":null,"recorded_at":null,"last":false,"attributes":{}}'
    )
    chunk = Decoder().decode(bytes.fromhex(java("encode", type(CHUNK), text)), type(CHUNK))
    assert (chunk.recording_id, chunk.size_bytes, chunk.last) == ("r", 7, False)
