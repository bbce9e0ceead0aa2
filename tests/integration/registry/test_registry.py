"""The schema registry as confluent-kafka's own client sees it."""

import json

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from deploy.registry import SchemaRegistry

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
