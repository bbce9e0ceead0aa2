"""What the design rests on, held against the brokers themselves with plain confluent-kafka."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

import pytest
from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)

from consumer.records import OutputRecord
from tests.brokers.client import create_topics, produce, read_committed, read_to_end
from tests.brokers.fixtures import Broker
from tests.waiting import PATIENCE_S, until

CLASSIC = {"session.timeout.ms": 6000}
KIP_848 = {"group.protocol": "consumer"}


@contextmanager
def member(
    broker: Broker, group: str, topic: str, protocol: Mapping[str, object] = CLASSIC
) -> Iterator[Consumer]:
    """A member of `group` that owns partition 0 of `topic`."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            **protocol,
        }
    )
    with closing(consumer):
        consumer.subscribe([topic])

        def joined() -> bool:
            consumer.poll(0.1)
            return bool(consumer.assignment())

        until(joined, lambda: "no assignment")
        yield consumer


def transactional(broker: Broker, name: str) -> Producer:
    producer = Producer(
        {
            "bootstrap.servers": broker.bootstrap,
            "transactional.id": name,
            "partitioner": "murmur2_random",
            "linger.ms": 1,
        }
    )
    producer.init_transactions(PATIENCE_S)
    return producer


def answer(consumer: Consumer, producer: Producer, source: TopicPartition, output: str) -> None:
    """Publish one record and commit `source` in one transaction."""
    producer.begin_transaction()
    producer.produce(output, value=b"answer", key=b"recording")
    producer.send_offsets_to_transaction([source], consumer.consumer_group_metadata(), PATIENCE_S)
    producer.commit_transaction(PATIENCE_S)


def test_outputs_and_offset_commit_together(broker: Broker, unique: str) -> None:
    create_topics(broker.bootstrap, f"{unique}-in", f"{unique}-out")
    produce(broker.bootstrap, OutputRecord(f"{unique}-in", b"recording", b"chunk"))
    with member(broker, unique, f"{unique}-in") as consumer:
        producer = transactional(broker, unique)
        answer(consumer, producer, TopicPartition(f"{unique}-in", 0, 1), f"{unique}-out")
        committed = consumer.committed([TopicPartition(f"{unique}-in", 0)], timeout=PATIENCE_S)
    assert [each.offset for each in committed] == [1]
    assert [each.value for each in read_to_end(broker.bootstrap, f"{unique}-out")] == [b"answer"]


def test_commit_metadata_comes_back(broker: Broker, unique: str) -> None:
    """The attempt count of a record travels there; the embedded broker forgets it."""
    create_topics(broker.bootstrap, f"{unique}-in", f"{unique}-out")
    with member(broker, unique, f"{unique}-in") as consumer:
        producer = transactional(broker, unique)
        source = TopicPartition(f"{unique}-in", 0, 0, "attempts=3")
        answer(consumer, producer, source, f"{unique}-out")
        (committed,) = consumer.committed([TopicPartition(f"{unique}-in", 0)], timeout=PATIENCE_S)
    assert committed.offset == 0
    assert committed.metadata == ("attempts=3" if broker.is_kafka else None)


def test_aborted_offsets_are_not_committed(broker: Broker, unique: str) -> None:
    create_topics(broker.bootstrap, f"{unique}-in", f"{unique}-out")
    with member(broker, unique, f"{unique}-in") as consumer:
        producer = transactional(broker, unique)
        producer.begin_transaction()
        producer.produce(f"{unique}-out", value=b"aborted")
        producer.send_offsets_to_transaction(
            [TopicPartition(f"{unique}-in", 0, 7)], consumer.consumer_group_metadata(), PATIENCE_S
        )
        producer.abort_transaction(PATIENCE_S)
        (committed,) = consumer.committed([TopicPartition(f"{unique}-in", 0)], timeout=PATIENCE_S)
    assert committed.offset == OFFSET_INVALID


def test_aborted_records_are_hidden_by_kafka_and_shown_by_the_embedded_broker(
    broker: Broker, unique: str
) -> None:
    create_topics(broker.bootstrap, unique)
    producer = transactional(broker, unique)
    producer.begin_transaction()
    producer.produce(unique, value=b"aborted")
    producer.flush(PATIENCE_S)
    producer.abort_transaction(PATIENCE_S)
    producer.begin_transaction()
    producer.produce(unique, value=b"committed")
    producer.commit_transaction(PATIENCE_S)
    seen = [record.value for record in read_to_end(broker.bootstrap, unique)]
    assert seen == ([b"committed"] if broker.is_kafka else [b"aborted", b"committed"])


def test_an_open_transaction_is_not_read(broker: Broker, unique: str) -> None:
    create_topics(broker.bootstrap, unique)
    producer = transactional(broker, unique)
    producer.begin_transaction()
    producer.produce(unique, value=b"open")
    producer.flush(PATIENCE_S)
    assert read_committed(broker.bootstrap, unique, count=1, deadline_s=2) == []
    producer.commit_transaction(PATIENCE_S)
    assert len(read_committed(broker.bootstrap, unique, count=1)) == 1


def test_transaction_markers_leave_gaps_and_the_end_lies_past_them(
    broker: Broker, unique: str
) -> None:
    """Offsets of records never follow one another by one: caught up is a position, not a count."""
    create_topics(broker.bootstrap, unique)
    producer = transactional(broker, unique)
    for _ in range(3):
        producer.begin_transaction()
        producer.produce(unique, value=b"record")
        producer.commit_transaction(PATIENCE_S)
    assert [record.offset for record in read_to_end(broker.bootstrap, unique)] == [0, 2, 4]
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": unique,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    with closing(consumer):
        consumer.assign([TopicPartition(unique, 0, 0)])
        while True:
            message = consumer.poll(PATIENCE_S)
            assert message is not None, "no end of the partition"
            if error := message.error():
                break
        (position,) = consumer.position([TopicPartition(unique, 0)])
    assert error.code() == KafkaError._PARTITION_EOF
    assert message.offset() == 6
    assert position.offset == 6


def test_murmur2_puts_a_recording_where_java_clients_do(broker: Broker, unique: str) -> None:
    """Positions for 12 partitions, from the murmur2 values of Kafka's own test of `Utils`."""
    # Utils.murmur2: "21" -> -973932308, "foobar" -> -790332482, "a-little-bit-long-string"
    # -> -985981536; the partition is that, made positive by 0x7fffffff, modulo the partitions.
    hashes = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    create_topics(broker.bootstrap, unique, partitions=12)
    produce(broker.bootstrap, *(OutputRecord(unique, key, b"") for key in hashes))
    found = {record.key: record.partition for record in read_to_end(broker.bootstrap, unique)}
    assert found == {key: (value & 0x7FFFFFFF) % 12 for key, value in hashes.items()}


def test_headers_null_key_and_null_value_survive(broker: Broker, unique: str) -> None:
    create_topics(broker.bootstrap, unique)
    headers = (("traceparent", b"00-1"), ("empty", b""), ("null", None), ("traceparent", b"00-2"))
    produce(broker.bootstrap, OutputRecord(unique, None, None, headers))
    (record,) = read_to_end(broker.bootstrap, unique)
    assert (record.key, record.value, record.headers) == (None, None, headers)


@pytest.mark.parametrize("protocol", [CLASSIC, KIP_848], ids=["classic", "consumer"])
def test_kafka_serves_transactions_under_both_group_protocols(
    kafka_broker: Broker, unique: str, protocol: Mapping[str, object]
) -> None:
    create_topics(kafka_broker.bootstrap, f"{unique}-in", f"{unique}-out")
    with member(kafka_broker, unique, f"{unique}-in", protocol) as consumer:
        producer = transactional(kafka_broker, unique)
        source = TopicPartition(f"{unique}-in", 0, 5, "attempts=2")
        answer(consumer, producer, source, f"{unique}-out")
        (committed,) = consumer.committed([TopicPartition(f"{unique}-in", 0)], timeout=PATIENCE_S)
    assert (committed.offset, committed.metadata) == (5, "attempts=2")


def test_kafka_fences_the_older_producer_of_a_transactional_id(
    kafka_broker: Broker, unique: str
) -> None:
    create_topics(kafka_broker.bootstrap, unique)
    older = transactional(kafka_broker, unique)
    older.begin_transaction()
    older.produce(unique, value=b"zombie")
    older.flush(PATIENCE_S)
    newer = transactional(kafka_broker, unique)
    with pytest.raises(KafkaException, match="fenced") as raised:
        older.commit_transaction(PATIENCE_S)
    assert raised.value.args[0].code() == KafkaError._FENCED
    newer.begin_transaction()
    newer.produce(unique, value=b"owner")
    newer.commit_transaction(PATIENCE_S)
    assert [each.value for each in read_to_end(kafka_broker.bootstrap, unique)] == [b"owner"]


def test_kafka_aborts_the_transaction_of_a_dead_producer_in_time(
    kafka_broker: Broker, unique: str
) -> None:
    """transaction.timeout.ms plus the broker's one-second scan bounds what readers wait.

    The client's default would be a minute.
    """
    create_topics(kafka_broker.bootstrap, unique)
    silent = Producer(
        {
            "bootstrap.servers": kafka_broker.bootstrap,
            "transactional.id": unique,
            "transaction.timeout.ms": 2000,
        }
    )
    silent.init_transactions(PATIENCE_S)
    silent.begin_transaction()
    silent.produce(unique, value=b"never committed")
    silent.flush(PATIENCE_S)
    produce(kafka_broker.bootstrap, OutputRecord(unique, None, b"after"))
    began = time.monotonic()
    (record,) = read_committed(kafka_broker.bootstrap, unique, count=1)
    assert record.value == b"after"
    assert time.monotonic() - began < 30
