"""Attempts that are taken back at the end of a process, on Apache Kafka.

The embedded broker forgets the metadata that they are counted in.
"""

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, TopicPartition

from consumer.kafka import clients
from consumer.kafka.attempts import Attempts
from consumer.kafka.offsets import Burst, Progress
from consumer.kafka.release import give_back
from tests.brokers import client
from tests.brokers.fixtures import Broker
from tests.waiting import PATIENCE_S, until

COUNTED, RELEASED = '{"attempts":1}', '{"attempts":0}'


@pytest.fixture
def member(kafka_broker: Broker, unique: str) -> Iterator[Consumer]:
    """Owns a partition whose head at 5 was begun once."""
    client.create_topics(kafka_broker.bootstrap, unique)
    options = clients.ClientOptions(kafka_broker.bootstrap, unique, "0")
    consumer = clients.consumer(options, lambda _: None)
    consumer.subscribe([unique])

    def joined() -> bool:
        consumer.poll(0.1)
        return bool(consumer.assignment())

    until(joined, consumer.memberid)
    consumer.commit(offsets=[TopicPartition(unique, 0, 5, COUNTED)], asynchronous=False)
    yield consumer
    consumer.close()


@pytest.mark.parametrize(("known", "metadata"), [(5, RELEASED), (4, COUNTED)])
def test_attempts_are_given_back_and_no_offset_moves(
    member: Consumer, unique: str, known: int, metadata: str
) -> None:
    burst = Burst((Progress(0, 1, known, Attempts(), False),))
    give_back(member, unique, burst, PATIENCE_S)
    (found,) = member.committed([TopicPartition(unique, 0)], timeout=PATIENCE_S)
    assert (found.offset, found.metadata) == (5, metadata)


def test_brokers_that_do_not_answer_are_not_waited_for() -> None:
    away = clients.consumer(clients.ClientOptions("127.0.0.1:1", "group", "0"), lambda _: None)
    began = time.monotonic()
    give_back(away, "topic", Burst((Progress(0, 1, 5, Attempts(), False),)), 0.2)
    assert time.monotonic() - began < PATIENCE_S
    away.close()
