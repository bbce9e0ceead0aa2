"""What the client remembers of a partition that was given up, on both brokers."""

import time

from confluent_kafka import TopicPartition

from consumer.events import Topics
from consumer.kafka import clients
from consumer.kafka.ends import Ends
from consumer.kafka.offsets import Offsets
from consumer.kafka.source import Source
from consumer.records import OutputRecord
from consumer.telemetry.health import Deadlines
from consumer.telemetry.telemetry import Telemetry
from tests.brokers import client
from tests.brokers.fixtures import Broker

RECORDS = 5


def test_a_partition_lost_while_paused_flows_when_it_comes_back(
    broker: Broker, unique: str
) -> None:
    client.create_topics(broker.bootstrap, unique)
    client.produce(broker.bootstrap, *(OutputRecord(unique, b"k", b"v") for _ in range(RECORDS)))
    options = clients.ClientOptions(broker.bootstrap, unique, "0")
    consumer = clients.consumer(options, lambda _: None)
    offsets = Offsets(window=RECORDS)
    source = Source(
        consumer,
        unique,
        offsets,
        start="earliest",
        on_revoke=lambda _: None,
        on_lost=lambda _: None,
        go_on=lambda: True,
        ends=Ends(lambda: clients.admin(options), unique),
        watch=Telemetry(Topics(), Deadlines(60, 60, 60)),
    )
    source.subscribe()
    _take_in(source)
    source.pause([0])
    partition = [TopicPartition(unique, 0)]
    source._lost(consumer, partition)  # as a poll does
    source._assigned(consumer, partition)
    _take_in(source)
    assert offsets.in_flight(0) == RECORDS
    consumer.close()


def _take_in(source: Source) -> None:
    taken, deadline = 0, time.monotonic() + 60
    while taken < RECORDS:
        assert time.monotonic() < deadline, f"only {taken} records came"
        taken += len(source.poll(0.2, RECORDS))
