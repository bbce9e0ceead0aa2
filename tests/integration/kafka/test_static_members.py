"""Two consumers with one group.instance.id, which an operator may set: one of them ends."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal

import pytest
from confluent_kafka import Consumer

from consumer.errors import ExitCode, FatalError
from consumer.events import Topics
from consumer.kafka import clients
from consumer.kafka.attempts import Attempts
from consumer.kafka.ends import Ends
from consumer.kafka.offsets import Burst, Offsets, Progress
from consumer.kafka.source import Source
from consumer.kafka.transaction import BurstTransaction
from consumer.telemetry.health import Deadlines
from consumer.telemetry.telemetry import Telemetry
from tests.brokers import client
from tests.brokers.fixtures import Broker
from tests.waiting import PATIENCE_S, until


@dataclass(frozen=True)
class Member:
    """A consumer and what it owns."""

    options: clients.ClientOptions
    consumer: Consumer
    source: Source
    offsets: Offsets

    def owns(self) -> bool:
        """Whether it owns the partition, after a poll."""
        self.source.poll(0.1, 1)
        return bool(self.offsets.assigned)

    def fenced(self) -> bool:
        """Whether a poll says that its place was taken."""
        try:
            self.source.poll(0.1, 1)
        except FatalError as error:
            return error.code is ExitCode.FENCED and "group.instance.id" in str(error)
        return False


Join = Callable[[Literal["classic", "consumer"]], Member]


@pytest.fixture
def join(kafka_broker: Broker, unique: str) -> Iterator[Join]:
    """Makes a consumer of the same name, which has not polled yet."""
    client.create_topics(kafka_broker.bootstrap, unique)

    @contextmanager
    def member(protocol: Literal["classic", "consumer"]) -> Iterator[Member]:
        static = {"group.instance.id": "pod-0"}
        if protocol == "classic":
            static |= {"session.timeout.ms": "6000", "heartbeat.interval.ms": "300"}
        options = clients.ClientOptions(
            kafka_broker.bootstrap,
            unique,
            "0",
            group_protocol=protocol,
            consumer_properties=static,
        )
        offsets = Offsets(window=1)
        consumer = clients.consumer(options, lambda _: None)
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
        try:
            yield Member(options, consumer, source, offsets)
        finally:
            consumer.close()

    with ExitStack() as members:
        yield lambda protocol: members.enter_context(member(protocol))


def test_the_older_of_two_members_ends(join: Join) -> None:
    older = join("classic")
    until(older.owns, lambda: "no assignment")
    newer = join("classic")
    until(newer.owns, lambda: "no assignment")
    until(older.fenced, lambda: "the older goes on", within_s=30)


def test_the_older_of_two_members_ends_in_its_transaction(join: Join) -> None:
    """Aborted, it would be tried again, with the same answer."""
    older = join("classic")
    until(older.owns, lambda: "no assignment")
    transaction = BurstTransaction(
        lambda: clients.producer(older.options),
        older.consumer,
        older.options.group_id,
        older.offsets.owns,
        older.options.transaction_timeout_s,
    )
    transaction.start(PATIENCE_S)
    newer = join("classic")
    until(newer.owns, lambda: "no assignment")
    burst = Burst((Progress(0, 1, 0, Attempts(1), True),))
    with pytest.raises(FatalError, match=r"group\.instance\.id") as raised:
        transaction.commit(burst, PATIENCE_S)
    assert raised.value.code is ExitCode.FENCED


def test_in_the_consumer_protocol_the_newer_ends_and_may_start_again(join: Join) -> None:
    """A predecessor that was killed is a member until its session has ended."""
    older = join("consumer")
    until(older.owns, lambda: "no assignment")
    newer = join("consumer")
    until(newer.fenced, lambda: "the newer waits", within_s=30)
    older.consumer.close()
    again = join("consumer")
    until(again.owns, lambda: "no assignment")
