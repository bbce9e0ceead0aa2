"""The loop around `OnlineLinker`: read committed results, publish labels, exactly once.

Labels and the offsets of the results behind them are committed in one transaction. The linker's
state is kept nowhere: whoever is given a partition reads it from its beginning, and publishes from
the committed offset on. So retention of `chunk-results` must cover the longest recording.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, Producer
from confluent_kafka import TopicPartition as Place

from producer_tools.labels.online import OnlineLinker, SpeakerLabels
from schemas.codec import Decoder
from schemas.records import ChunkResult
from schemas.registry import RegistryClient

LABELS = "speaker-labels"
"""The topic; `speakerstream topics --create --labels` makes it."""

_BURST = 100
_WAIT_S = 0.5
_TRANSACTION_S = 30.0


class LabelSubscriber:
    """Reads `chunk-results` as one member of a consumer group and writes `speaker-labels`.

    Each label event is JSON (`recording_id`, `chunk_id`, `result_id`, `labels`), keyed by
    recording_id. The newest about a chunk replaces earlier ones.

    Args:
        bootstrap_servers: `host:port`, several comma-separated.
        instance: name of this process, different for each one running at the same time.
        results, labels: names of the topics.
        group: the consumer group.
        registry: needed to read results in Confluent wire format.
        kafka: further librdkafka properties of both clients, as for TLS and SASL.
        consumer: those of the consumer alone.
        linker: makes the linker of a partition.

    Raises:
        confluent_kafka.KafkaException: the brokers cannot be reached.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        instance: str,
        results: str = "chunk-results",
        labels: str = LABELS,
        group: str = "speaker-labels",
        registry: RegistryClient | None = None,
        kafka: Mapping[str, str] | None = None,
        consumer: Mapping[str, str] | None = None,
        linker: Callable[[], OnlineLinker] = OnlineLinker,
    ) -> None:
        self._labels = labels
        self._decoder = Decoder(registry)
        self._make = linker
        self._linkers: dict[int, OnlineLinker] = {}
        self._committed: dict[int, int] = {}
        self._producer = Producer(
            {
                **(kafka or {}),
                "bootstrap.servers": bootstrap_servers,
                "transactional.id": f"{group}.{instance}",
                "partitioner": "murmur2_random",
            }
        )
        self._producer.init_transactions(_TRANSACTION_S)
        self._consumer = Consumer(
            {
                **(kafka or {}),
                **(consumer or {}),
                "bootstrap.servers": bootstrap_servers,
                "group.id": group,
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
            }
        )
        self._consumer.subscribe([results], on_assign=self._begin)

    def _begin(self, consumer: Consumer, places: list[Place]) -> None:
        """Given these partitions, and no others: their states are read anew."""
        known = consumer.committed(places, timeout=_TRANSACTION_S)
        self._committed = {place.partition: max(place.offset, 0) for place in known}
        self._linkers = {place.partition: self._make() for place in places}
        consumer.assign([Place(p.topic, p.partition, OFFSET_BEGINNING) for p in places])

    def step(self) -> list[SpeakerLabels]:
        """Take what has come, a hundred results at most; returns what was published, committed.

        Raises:
            confluent_kafka.KafkaException: the step came to nothing. The process may simply be
                started again: what was not committed is done once more.
            schemas.errors.SchemaError: a record is no ChunkResult.
        """
        messages = self._consumer.consume(_BURST, _WAIT_S)
        said: list[SpeakerLabels] = []
        ahead: dict[tuple[str, int], int] = {}
        for message in messages:
            topic, partition, offset = _place(message)
            result = self._decoder.decode(message.value() or b"", ChunkResult)
            news = self._linkers[partition].add(result)
            if offset >= self._committed[partition]:
                said += news
                ahead[topic, partition] = offset + 1
        if ahead:
            self._publish(said, [Place(*place, offset) for place, offset in ahead.items()])
        return said

    def _publish(self, said: list[SpeakerLabels], offsets: list[Place]) -> None:
        self._producer.begin_transaction()
        try:
            for labels in said:
                value = json.dumps(asdict(labels), ensure_ascii=False)
                self._producer.produce(self._labels, value, labels.recording_id)
            member = self._consumer.consumer_group_metadata()
            self._producer.send_offsets_to_transaction(offsets, member, _TRANSACTION_S)
            self._producer.commit_transaction(_TRANSACTION_S)
        except KafkaException:
            self._producer.abort_transaction(_TRANSACTION_S)
            raise

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()


def _place(message: Message) -> tuple[str, int, int]:
    if (error := message.error()) is not None:
        raise KafkaException(error)
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    return topic, partition, offset
