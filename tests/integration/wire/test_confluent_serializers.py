"""Confluent wire format against the serializers of Confluent's own client, with a registry."""

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from deploy.registry import SchemaRegistry
from schemas import catalogue
from schemas.codec import Decoder, Encoder
from schemas.records import Record
from schemas.registry import ConfluentRegistry
from tests.wire.events import EVENTS

pytestmark = pytest.mark.parts


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.avro_name)
def test_both_ways(schema_registry: SchemaRegistry, unique: str, event: Record) -> None:
    ours = ConfluentRegistry(schema_registry.url, register=True)
    theirs = SchemaRegistryClient({"url": schema_registry.url})
    context = SerializationContext(unique, MessageField.VALUE)

    data = Encoder(ours, {type(event): unique}).encode(event)
    datum = AvroDeserializer(theirs)(data, context)
    assert type(event).from_avro(datum) == event

    options = {"auto.register.schemas": False}
    serializer = AvroSerializer(theirs, catalogue.text(event.avro_name), conf=options)
    written = serializer(event.to_avro(), context)
    assert written == data
    assert Decoder(ours).decode(written, type(event)) == event
