"""Confluent wire format with a Node client (kafkajs and its registry library), on Apache Kafka."""

import json
from datetime import datetime
from itertools import islice
from pathlib import Path

import pytest

import tests.wire
from deploy.registry import SchemaRegistry
from producer_tools.publisher import ChunkPublisher
from producer_tools.subscribe import Subscriber
from schemas.codec import subject
from schemas.records import AudioChunk
from schemas.registry import ConfluentRegistry
from tests.brokers import client
from tests.brokers.fixtures import Broker
from tests.brokers.parts import RealParts
from tests.waiting import PATIENCE_S
from tests.wire.events import CHUNK
from tests.wire.npm import Node, program

pytestmark = pytest.mark.parts

PROGRAM = Path(tests.wire.__file__).parent / "node" / "client.cjs"


@pytest.fixture(scope="module")
def node(real_parts: RealParts, tmp_path_factory: pytest.TempPathFactory) -> Node:
    return program(real_parts, PROGRAM, tmp_path_factory.mktemp("node"))


def plain(value: object) -> object:
    """As Avro without logical types has it: milliseconds."""
    return round(value.timestamp() * 1000) if isinstance(value, datetime) else value


def test_both_ways(
    node: Node, kafka_broker: Broker, schema_registry: SchemaRegistry, unique: str
) -> None:
    bootstrap, url = kafka_broker.bootstrap, schema_registry.url
    client.create_topics(bootstrap, unique, partitions=6)
    registry = ConfluentRegistry(url, register=True)
    datum = {name: plain(value) for name, value in CHUNK.to_avro().items()}

    with ChunkPublisher(bootstrap, unique, registry=registry) as publisher:
        publisher.publish(CHUNK)
    seen = json.loads(node("read", bootstrap, url, unique))
    assert seen == {"key": CHUNK.recording_id, "value": datum}

    event = {"key": CHUNK.recording_id, "subject": subject(unique), "value": datum}
    node("write", bootstrap, url, unique, given=json.dumps(event))
    subscriber = Subscriber(bootstrap, {unique: AudioChunk}, registry=registry)
    try:
        ours, theirs = islice(subscriber.events(until_idle_s=PATIENCE_S), 2)
    finally:
        subscriber.close()
    assert theirs.record == ours.record == CHUNK
    assert (theirs.key, theirs.partition) == (ours.key, ours.partition)
