"""What the client remembers of a partition that was given up, on both brokers."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from consumer.errors import ExitCode, FatalError
from consumer.events import Topics
from consumer.kafka import clients
from consumer.kafka.attempts import Attempts
from consumer.kafka.ends import Ends
from consumer.kafka.offsets import Offsets
from consumer.kafka.source import Source
from consumer.records import InputRecord, OutputRecord
from consumer.telemetry.health import Deadlines
from consumer.telemetry.telemetry import Telemetry
from tests.brokers import client, librdkafka
from tests.brokers.fixtures import Broker
from tests.waiting import until

RECORDS = 5


class _Losing:
    """A consumer that calls `lose` in the poll after its first record."""

    def __init__(self, inner: Consumer) -> None:
        self.inner = inner
        self.lose: Callable[[], None] = lambda: None
        self.records = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def poll(self, timeout_s: float) -> Message | None:
        if self.records == 1:
            self.lose()
        message = self.inner.poll(timeout_s)
        self.records += message is not None and message.error() is None
        return message


def _source(broker: Broker, topic: str, consumer: Consumer, offsets: Offsets) -> Source:
    options = clients.ClientOptions(broker.bootstrap, topic, "0")
    return Source(
        consumer,
        topic,
        offsets,
        start="earliest",
        on_revoke=lambda _: None,
        on_lost=lambda _: None,
        go_on=lambda: True,
        ends=Ends(lambda: clients.admin(options), topic),
        watch=Telemetry(Topics(), Deadlines(60, 60, 60)),
    )


@pytest.fixture
def consumer(broker: Broker, unique: str) -> Iterator[Consumer]:
    """Not a member yet, of a topic with a few records."""
    client.create_topics(broker.bootstrap, unique)
    client.produce(broker.bootstrap, *(OutputRecord(unique, b"k", b"v") for _ in range(RECORDS)))
    made = clients.consumer(clients.ClientOptions(broker.bootstrap, unique, "0"), lambda _: None)
    yield made
    made.close()


def test_a_partition_lost_while_paused_flows_when_it_comes_back(
    broker: Broker, unique: str, consumer: Consumer
) -> None:
    offsets = Offsets(window=RECORDS)
    source = _source(broker, unique, consumer, offsets)
    source.subscribe()
    _take_in(source)
    source.pause([0])
    partition = [TopicPartition(unique, 0)]
    source._lost(consumer, partition)  # as a poll does
    source._assigned(consumer, partition)
    _take_in(source)
    assert offsets.in_flight(0) == RECORDS


def test_what_a_poll_brought_is_dropped_when_the_same_poll_takes_its_partition(
    broker: Broker, unique: str, consumer: Consumer
) -> None:
    """Nobody owns it any more; its next owner reads it."""
    losing = _Losing(consumer)
    offsets = Offsets(window=RECORDS)
    source = _source(broker, unique, cast(Consumer, losing), offsets)
    lost: list[int] = []

    def lose() -> None:
        if not lost:
            source._lost(consumer, [TopicPartition(unique, 0)])
            lost.append(0)

    losing.lose = lose
    source.subscribe()
    taken: list[InputRecord] = []

    def gone() -> bool:
        taken.extend(source.poll(0.2, RECORDS))
        return bool(lost)

    until(gone, lambda: taken)
    assert not taken


def test_a_record_with_unreadable_headers_comes_without_them(
    broker: Broker, unique: str, consumer: Consumer
) -> None:
    """Other languages' clients write any bytes; no record may end the process.

    Many of them: an interpreter that has warmed up takes the client's answer for good.
    """
    names = [b"\xff\xfe", b"name"] * 20
    librdkafka.produce_with_headers(broker.bootstrap, unique, names)
    source = _source(broker, unique, consumer, Offsets(window=RECORDS))
    source.subscribe()
    taken = _take_in(source, RECORDS + len(names))
    assert [record.headers for record in taken[RECORDS:]] == [(), (("name", b"v"),)] * 20


@pytest.mark.parametrize("assigned", [True, False])
def test_a_gap_ends_the_process_as_one_even_where_it_cannot_be_measured(
    assigned: bool,
) -> None:
    """No broker answers, or the partition was taken away since."""
    nowhere = Broker("none", "127.0.0.1:1")
    options = clients.ClientOptions(nowhere.bootstrap, "group", "0")
    away = clients.consumer(options, lambda _: None)
    offsets = Offsets(window=RECORDS)
    if assigned:
        offsets.assign(0, 7, Attempts())
    source = _source(nowhere, "topic", away, offsets)
    with pytest.raises(FatalError, match="offset 7" if assigned else "the group's") as raised:
        source._judge(KafkaError(KafkaError._AUTO_OFFSET_RESET), 0)
    assert raised.value.code is ExitCode.OFFSETS
    away.close()


def _take_in(source: Source, count: int = RECORDS) -> list[InputRecord]:
    taken: list[InputRecord] = []

    def enough() -> bool:
        taken.extend(source.poll(0.2, RECORDS))
        return len(taken) >= count

    until(enough, lambda: f"only {len(taken)} records came")
    return taken
