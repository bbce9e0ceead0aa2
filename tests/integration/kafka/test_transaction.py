"""A burst transaction whose broker stands still: its calls keep their deadlines all the same."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from confluent_kafka import Consumer

from consumer.dead_letters import fits
from consumer.errors import TransientError
from consumer.kafka import clients
from consumer.kafka.attempts import Attempts
from consumer.kafka.offsets import Burst, Progress
from consumer.kafka.transaction import BurstTransaction, Outcome
from consumer.records import OutputRecord
from deploy.kafka import KafkaCluster
from tests.brokers import client
from tests.waiting import PATIENCE_S, until

TIMEOUT_S = 1.0
BOUND_S = 30.0  # room for a busy machine; the client's own request waits for a minute
OPEN_S = 2 * BOUND_S  # transaction.timeout.ms, and with it how long the client waits for an answer


@pytest.fixture(scope="module")
def kafka(kafka_jars: None, announce: Callable[[str], None]) -> Iterator[KafkaCluster]:
    """A broker that may be stopped."""
    announce("starting Apache Kafka")
    with KafkaCluster() as made:
        yield made


@pytest.fixture
def options(kafka: KafkaCluster, unique: str) -> clients.ClientOptions:
    """Of a group, with topics for its input and output."""
    client.create_topics(kafka.bootstrap, unique, f"{unique}-out")
    return clients.ClientOptions(
        kafka.bootstrap,
        unique,
        "0",
        transaction_timeout_s=OPEN_S,
        consumer_properties={"session.timeout.ms": "60000"},
    )


@pytest.fixture
def member(options: clients.ClientOptions) -> Iterator[Consumer]:
    """A consumer that has joined."""
    consumer = clients.consumer(options, lambda _: None)
    consumer.subscribe([options.group_id])

    def joined() -> bool:
        consumer.poll(0.1)
        return bool(consumer.assignment())

    until(joined, consumer.memberid)
    yield consumer
    consumer.close()


def _burst(topic: str, offset: int) -> Burst:
    progress = Progress(0, 0, offset, Attempts(), marked=False, finished=tuple(range(offset)))
    return Burst((progress,), (OutputRecord(f"{topic}-out", b"key", b"%d" % offset),))


def _transaction(
    options: clients.ClientOptions, member: Consumer, allowed_s: float
) -> BurstTransaction:
    made = BurstTransaction(
        lambda: clients.producer(options), member, options.group_id, lambda *_: True, allowed_s
    )
    made.start(PATIENCE_S)
    assert made.commit(_burst(options.group_id, 1), PATIENCE_S) is Outcome.COMMITTED
    return made


def _commit_in_time(transaction: BurstTransaction, burst: Burst) -> Outcome | None:
    """None when the broker did not answer."""
    began = time.monotonic()
    try:
        return transaction.commit(burst, TIMEOUT_S)
    except TransientError:
        return None
    finally:
        assert time.monotonic() - began < BOUND_S


def _commit_at_last(transaction: BurstTransaction, burst: Burst) -> None:
    outcomes: list[Outcome | None] = []

    def committed() -> bool:
        outcomes.append(_commit_in_time(transaction, transaction.pending or burst))
        return outcomes[-1] is Outcome.COMMITTED

    until(committed, lambda: outcomes)


def _published(options: clients.ClientOptions) -> list[bytes | None]:
    return [
        r.value for r in client.read_to_end(options.bootstrap_servers, f"{options.group_id}-out")
    ]


def test_a_broker_that_stands_still_is_not_waited_for(
    kafka: KafkaCluster, options: clients.ClientOptions, member: Consumer
) -> None:
    transaction = _transaction(options, member, OPEN_S)
    burst = _burst(options.group_id, 2)
    kafka.suspend(1)
    try:
        assert _commit_in_time(transaction, burst) is None
        assert _commit_in_time(transaction, burst) is None  # resumed, not begun again
    finally:
        kafka.resume(1)
    _commit_at_last(transaction, burst)
    assert _published(options) == [b"1", b"2"]


def test_a_producer_that_is_silent_for_too_long_is_replaced(
    kafka: KafkaCluster, options: clients.ClientOptions, member: Consumer
) -> None:
    transaction = _transaction(options, member, allowed_s=TIMEOUT_S / 2)
    silent = transaction._producer
    burst = _burst(options.group_id, 2)
    kafka.suspend(1)
    try:
        assert _commit_in_time(transaction, burst) is None
        assert transaction._producer is not silent
    finally:
        kafka.resume(1)
    _commit_at_last(transaction, burst)
    assert _published(options) == [b"1", b"2"]


def test_a_burst_larger_than_a_topic_takes_is_sent_in_smaller_batches(
    kafka: KafkaCluster, options: clients.ClientOptions, member: Consumer
) -> None:
    """Each of its records fits; random, so that no compression makes the whole fit."""
    limit, topic = 20_000, f"{options.group_id}-small"
    client.create_topics(kafka.bootstrap, topic, config={"max.message.bytes": str(limit)})
    transaction = _transaction(replace(options, max_batch_bytes=limit), member, OPEN_S)
    values = [random.Random(n).randbytes(4000) for n in range(50)]
    outputs = tuple(OutputRecord(topic, b"key", value) for value in values)
    assert all(fits(output, limit) for output in outputs)
    burst = Burst(_burst(topic, 2).progress, outputs)
    assert transaction.commit(burst, PATIENCE_S) is Outcome.COMMITTED
    assert [r.value for r in client.read_to_end(kafka.bootstrap, topic)] == values
