"""The schema registry as confluent-kafka's own client sees it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from typer.testing import CliRunner

from deploy.registry import SchemaRegistry
from producer_tools.cli import app
from schemas import catalogue

pytestmark = pytest.mark.parts


def record(*fields: str) -> Schema:
    """An Avro record of required strings."""
    body = {
        "type": "record",
        "name": "Something",
        "namespace": "speakerstream.v1",
        "fields": [{"name": name, "type": "string"} for name in fields],
    }
    return Schema(json.dumps(body), "AVRO")


def test_a_schema_comes_back_by_its_id(schema_registry: SchemaRegistry, unique: str) -> None:
    client = SchemaRegistryClient({"url": schema_registry.url})
    number = client.register_schema(f"{unique}-value", record("name"))
    stored = SchemaRegistryClient({"url": schema_registry.url}).get_schema(number)
    assert json.loads(stored.schema_str or "") == json.loads(record("name").schema_str or "")


def test_an_unknown_id_is_told_from_an_absent_registry(schema_registry: SchemaRegistry) -> None:
    client = SchemaRegistryClient({"url": schema_registry.url})
    with pytest.raises(SchemaRegistryError) as raised:
        client.get_schema(987_654)
    assert raised.value.http_status_code == 404


def test_an_incompatible_schema_is_refused(schema_registry: SchemaRegistry, unique: str) -> None:
    client = SchemaRegistryClient({"url": schema_registry.url})
    client.register_schema(f"{unique}-value", record("name"))
    client.set_compatibility(f"{unique}-value", "FULL_TRANSITIVE")
    with pytest.raises(SchemaRegistryError) as raised:
        client.register_schema(f"{unique}-value", record("name", "required_later"))
    assert raised.value.http_status_code == 409


@pytest.fixture
def schemas(schema_registry: SchemaRegistry, unique: str) -> Callable[..., Any]:
    """The command `speakerstream schemas` for topics of this test."""
    names = ("audio_chunks", "chunk_results", "speaker_segments", "speaker_fingerprints")
    environment = {f"SPEAKERSTREAM_TOPIC_{name.upper()}": f"{unique}-{name}" for name in names}
    environment["SPEAKERSTREAM_SCHEMA_REGISTRY_URL"] = schema_registry.url
    return lambda *options: CliRunner().invoke(app, ["schemas", *options], env=environment)


def test_the_command_registers_and_checks(
    schema_registry: SchemaRegistry, schemas: Callable[..., Any], unique: str
) -> None:
    before = schemas("--check")
    assert before.exit_code == 1
    assert before.output.count("is not registered") == 4
    assert "schemas --register" in schemas().output  # what is missing is only looked at

    assert schemas("--register").exit_code == 0
    assert schemas("--register").exit_code == 0
    assert schemas("--check").exit_code == 0
    shown = schemas()
    assert shown.exit_code == 0
    client = SchemaRegistryClient({"url": schema_registry.url})
    subject = f"{unique}-chunk_results-value"
    number = client.lookup_schema(subject, Schema(catalogue.text("ChunkResult"), "AVRO")).schema_id
    assert f"{number} " in next(line for line in shown.output.splitlines() if subject in line)
    assert client.get_compatibility(subject) == "FULL_TRANSITIVE"

    client.set_compatibility(subject, "NONE")
    client.register_schema(subject, record("something", "else"))
    after = schemas("--check")
    assert after.exit_code == 1
    assert "compatibility NONE" in after.output
    client.set_compatibility(subject, "FULL_TRANSITIVE")
    assert "does not fit" in schemas("--check").output


def test_a_schema_is_printed_as_it_is(schemas: Callable[..., Any]) -> None:
    assert json.loads(schemas("--show", "AudioChunk").output)["name"] == "AudioChunk"
    assert schemas("--show", "Nonsense").exit_code == 2
