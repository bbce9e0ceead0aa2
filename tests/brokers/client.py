"""What tests do to a broker, with plain confluent-kafka."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from consumer.kafka import patience
from consumer.records import Headers, OutputRecord
from tests.waiting import PATIENCE_S, until


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """One record as a subscriber sees it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int


def create_topics(
    bootstrap: str, *names: str, partitions: int = 1, config: Mapping[str, str] | None = None
) -> None:
    """Create topics and wait until the broker knows them; replication is the broker's default."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wanted = [NewTopic(name, partitions, config=dict(config or {})) for name in names]
    for future in admin.create_topics(wanted, operation_timeout=PATIENCE_S).values():
        future.result(timeout=PATIENCE_S)

    def known() -> set[str]:
        return set(admin.list_topics(timeout=PATIENCE_S).topics)

    until(lambda: set(names) <= known(), known)


def produce(bootstrap: str, *records: OutputRecord, partition: int | None = None) -> None:
    """Publish records outside any transaction and wait for the broker's acknowledgement.

    Without `partition` the key decides, as Java clients would.
    """
    failures: list[KafkaError] = []
    producer = Producer(
        {"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "linger.ms": 1}
    )
    for record in records:
        producer.produce(
            record.topic,
            value=record.value,
            key=record.key,
            headers=list(record.headers),
            partition=-1 if partition is None else partition,
            on_delivery=lambda error, _: failures.append(error) if error else None,
        )
        producer.poll(0)
    if producer.flush(PATIENCE_S) or failures:
        raise KafkaException(failures[0] if failures else KafkaError(KafkaError._TIMED_OUT))


def read_committed(
    bootstrap: str, *topics: str, count: int, deadline_s: float = PATIENCE_S
) -> list[StoredRecord]:
    """Committed records from the beginning: `count` of them, or fewer at the deadline."""
    found: list[StoredRecord] = []
    deadline = time.monotonic() + deadline_s
    with _Reader(bootstrap, topics) as reader:
        while len(found) < count and time.monotonic() < deadline:
            found.extend(reader.poll())
    return found


def read_to_end(bootstrap: str, *topics: str, deadline_s: float = PATIENCE_S) -> list[StoredRecord]:
    """Every committed record up to the present end (high watermark) of every partition.

    Waits for transactions that are open below that end; raises `TimeoutError` when one stays so.
    """
    return list(records_to_end(bootstrap, *topics, deadline_s=deadline_s))


def records_to_end(
    bootstrap: str, *topics: str, deadline_s: float = PATIENCE_S
) -> Iterator[StoredRecord]:
    """As `read_to_end`, one by one: for topics that memory should not hold."""
    deadline = time.monotonic() + deadline_s
    with _Reader(bootstrap, topics) as reader:
        while not reader.at_end():
            if time.monotonic() > deadline:
                raise TimeoutError(f"no end of {topics} within {deadline_s} s")
            yield from reader.poll()


class _Reader:
    """Reads whole topics by assignment: no group, so no join to wait for."""

    def __init__(self, bootstrap: str, topics: Iterable[str]) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "reads-by-assignment",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
            }
        )
        metadata = self._consumer.list_topics(timeout=PATIENCE_S).topics
        partitions = [
            TopicPartition(name, number) for name in topics for number in metadata[name].partitions
        ]
        self._ends = _high_watermarks(bootstrap, partitions)
        self._consumer.assign([TopicPartition(*each, 0) for each in self._ends])

    def at_end(self) -> bool:
        return not self._ends

    def poll(self) -> list[StoredRecord]:
        message = self._consumer.poll(0.2)
        if message is None:
            return []
        topic, partition = message.topic() or "", message.partition() or 0
        offset = -1 if (at := message.offset()) is None else at
        if error := message.error():
            if error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            # Under read_committed this end is the first open transaction, if there is one.
            if offset >= self._ends.get((topic, partition), 0):
                self._ends.pop((topic, partition), None)
            return []
        return [
            StoredRecord(
                topic=topic,
                partition=partition,
                offset=offset,
                key=message.key(),
                value=message.value(),
                headers=cast(Headers, tuple(message.headers() or ())),
                timestamp_ms=message.timestamp()[1],
            )
        ]

    def __enter__(self) -> "_Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()


def _high_watermarks(
    bootstrap: str, partitions: Iterable[TopicPartition]
) -> dict[tuple[str, int], int]:
    admin = AdminClient({"bootstrap.servers": bootstrap})

    def ends(timeout_s: float) -> dict[tuple[str, int], int]:
        futures = admin.list_offsets(
            {each: OffsetSpec.latest() for each in partitions},
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
        )
        return {
            (each.topic, each.partition): future.result(timeout=timeout_s).offset
            for each, future in futures.items()
        }

    # Of a partition just created the broker may say that it leads it not yet.
    return patience.ask(ends, "the topics' ends", PATIENCE_S)
