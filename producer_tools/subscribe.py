"""Reading the service's events as a subscriber should: only what was committed."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from schemas.codec import Decoder
from schemas.records import Record
from schemas.registry import RegistryClient

_METADATA_S = 10.0
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Event:
    """One event and where it lies."""

    topic: str
    partition: int
    offset: int
    key: str
    record: Record

    def to_json(self) -> str:
        """One line: topic, partition, offset, type, key and value."""
        line = {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "type": self.record.avro_name,
            "key": self.key,
            "value": self.record.to_avro(),
        }
        return json.dumps(line, ensure_ascii=False, default=lambda moment: moment.isoformat())


class Subscriber:
    """Reads topics with read_committed from all partitions, without a consumer group.

    Args:
        bootstrap_servers: `host:port`, several comma-separated.
        topics: which record to expect on which topic; None for those read with `message` only.
        from_beginning: start at the oldest event, else at those written from now on.
        since: start at the first event with this timestamp or a later one instead.
        kafka: further librdkafka properties.
        registry: needed to read events in Confluent wire format.

    Raises:
        confluent_kafka.KafkaException: the brokers cannot be reached.
        LookupError: a topic does not exist.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topics: Mapping[str, type[Record] | None],
        from_beginning: bool = True,
        kafka: Mapping[str, str] | None = None,
        registry: RegistryClient | None = None,
        since: datetime | None = None,
    ) -> None:
        self._topics = dict(topics)
        self._decoder = Decoder(registry)
        self._consumer = Consumer(
            {
                **(kafka or {}),
                "bootstrap.servers": bootstrap_servers,
                "group.id": "speakerstream-reader",  # required by the client, never joined
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
            }
        )
        start = OFFSET_BEGINNING if from_beginning else OFFSET_END
        if since is not None:
            start = round(since.timestamp() * 1000)
        places = [
            TopicPartition(topic, partition, start)
            for topic in topics
            for partition in self._partitions(topic)
        ]
        if since is not None:
            places = self._consumer.offsets_for_times(places, timeout=_METADATA_S)
        self._behind = {(place.topic, place.partition) for place in places}
        self._consumer.assign(places)

    def _partitions(self, topic: str) -> Sequence[int]:
        metadata = self._consumer.list_topics(topic, timeout=_METADATA_S).topics[topic]
        if metadata.error is not None or not metadata.partitions:
            raise LookupError(f"there is no topic {topic}: run `speakerstream topics --create`")
        return list(metadata.partitions)

    @property
    def at_end(self) -> bool:
        """Whether every partition was once read to its end."""
        return not self._behind

    def poll(self, timeout_s: float) -> Event | None:
        """The next event, or None when none came in time.

        Raises:
            schemas.errors.SchemaError: the record is no such event.
            confluent_kafka.KafkaException: the client reports an error.
        """
        message = self.message(timeout_s)
        return None if message is None else self.event(message)

    def message(self, timeout_s: float) -> Message | None:
        """The next record as it lies there; see `poll`."""
        message = self._consumer.poll(timeout_s)
        if message is not None and (error := message.error()) is not None:
            if error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            self._behind.discard((message.topic() or "", _known(message.partition())))
            return None
        return message

    def messages(self, until_idle_s: float) -> Iterator[Message]:
        """Records until, all partitions once read to their ends, none has come for so long."""
        deadline = time.monotonic() + until_idle_s
        while self._behind or time.monotonic() < deadline:
            if (message := self.message(_POLL_S)) is not None:
                yield message
            if message is not None or self._behind:
                deadline = time.monotonic() + until_idle_s

    def event(self, message: Message) -> Event:
        """The event in a record; see `poll`."""
        topic = message.topic() or ""
        expected = self._topics[topic]
        assert expected is not None, f"{topic} is read with `message`"
        return Event(
            topic=topic,
            partition=_known(message.partition()),
            offset=_known(message.offset()),
            key=_bytes(message.key()).decode(errors="replace"),
            record=self._decoder.decode(_bytes(message.value()), expected),
        )

    def events(self, until_idle_s: float) -> Iterator[Event]:
        """The events in `messages`."""
        return map(self.event, self.messages(until_idle_s))

    def close(self) -> None:
        """Free the client."""
        self._consumer.close()


def _known(value: int | None) -> int:
    assert value is not None  # of every message without an error
    return value


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
