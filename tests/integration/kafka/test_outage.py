"""One partition of an output is without a leader, for as long as that may last."""

from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer

from consumer.errors import TransientError
from consumer.kafka import clients
from consumer.kafka.attempts import Attempts
from consumer.kafka.offsets import Burst, Progress
from consumer.kafka.transaction import BurstTransaction, Outcome
from consumer.records import OutputRecord
from tests.brokers import client
from tests.brokers.librdkafka import MockCluster
from tests.waiting import PATIENCE_S, until

TIMEOUT_S = 1.0
INPUT, OUTPUT = "in", "out"


@pytest.fixture
def cluster() -> Iterator[MockCluster]:
    with MockCluster(INPUT, OUTPUT) as made:
        yield made


@pytest.fixture
def options(cluster: MockCluster) -> clients.ClientOptions:
    return clients.ClientOptions(
        cluster.bootstrap, "group", "0", transaction_timeout_s=TIMEOUT_S, max_message_bytes=100_000
    )


@pytest.fixture
def member(options: clients.ClientOptions) -> Iterator[Consumer]:
    """A consumer that has joined."""
    consumer = clients.consumer(options, lambda _: None)
    consumer.subscribe([INPUT])

    def joined() -> bool:
        consumer.poll(0.1)
        return bool(consumer.assignment())

    until(joined, consumer.memberid)
    yield consumer
    consumer.close()


@pytest.fixture
def transaction(options: clients.ClientOptions, member: Consumer) -> BurstTransaction:
    made = BurstTransaction(
        lambda: clients.producer(options), member, INPUT, lambda *_: True, TIMEOUT_S
    )
    made.start(PATIENCE_S)
    return made


def _burst(value: bytes) -> Burst:
    progress = Progress(0, 0, 1, Attempts(), marked=False, finished=(0,))
    return Burst((progress,), (OutputRecord(OUTPUT, b"key", value),))


def _end(transaction: BurstTransaction, member: Consumer, burst: Burst) -> Outcome:
    ended: list[Outcome] = []

    def has_ended() -> bool:
        member.poll(0)
        try:
            ended.append(transaction.commit(transaction.pending or burst, TIMEOUT_S))
        except TransientError:
            return False
        return True

    until(has_ended, lambda: "no end of the transaction")
    return ended[0]


def test_an_outage_is_no_refusal(
    cluster: MockCluster, transaction: BurstTransaction, member: Consumer
) -> None:
    burst = _burst(b"value")
    cluster.lead(OUTPUT, False)
    for _ in range(2):
        assert _end(transaction, member, burst) is Outcome.ABORTED
    cluster.lead(OUTPUT, True)
    outcomes: list[Outcome] = []

    def committed() -> bool:
        outcomes.append(_end(transaction, member, burst))
        return outcomes[-1] is Outcome.COMMITTED

    until(committed, lambda: outcomes)
    assert Outcome.REFUSED not in outcomes
    (record,) = client.read_to_end(cluster.bootstrap, OUTPUT)
    assert record.value == b"value"


def test_a_refusal_is_one_though_the_others_of_its_transaction_are_given_up(
    cluster: MockCluster, transaction: BurstTransaction, member: Consumer
) -> None:
    cluster.lead(OUTPUT, False)
    small, large = _burst(b"value"), _burst(bytes(1_000_000))
    burst = Burst(small.progress, small.outputs + large.outputs)
    assert _end(transaction, member, burst) is Outcome.REFUSED
