"""Topics, objects and events of one test, and what came of them."""

import hashlib
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from confluent_kafka import Consumer, KafkaException, TopicPartition

from consumer.events import Topics
from consumer.records import OutputRecord
from schemas.codec import Decoder, Encoder
from schemas.records import AudioChunk, ChunkResult
from tests.audio_samples import sound
from tests.brokers import client
from tests.brokers.client import StoredRecord
from tests.waiting import PATIENCE_S, until

STAND_IN = "consumer.inference.stand_in:create"
RECORDINGS = 12


@dataclass(frozen=True)
class Installation:
    """Fresh topics on a broker, and a folder of objects. `name` is unique to the test."""

    bootstrap: str
    name: str
    folder: Path
    partitions: int = 1
    encoder: Encoder = field(default_factory=Encoder)
    existing: bool = False  # whether the topics are there already

    def __post_init__(self) -> None:
        if not self.existing:
            client.create_topics(self.bootstrap, *self._names(), partitions=self.partitions)

    def _names(self) -> tuple[str, ...]:
        topics = self.topics
        return (topics.audio_chunks, *topics.outputs.values(), topics.dead_letters)

    @property
    def topics(self) -> Topics:
        """This installation's topics."""
        return Topics(*(f"{self.name}.{kind}" for kind in ("in", "results", "seg", "fp", "dead")))

    @property
    def environment(self) -> dict[str, str]:
        """Settings of a service for this installation, with the stand-in engine."""
        topics = self.topics
        return {
            "SPEAKERSTREAM_BOOTSTRAP_SERVERS": self.bootstrap,
            "SPEAKERSTREAM_GROUP_ID": self.name,
            "SPEAKERSTREAM_INSTANCE_ID": "0",
            "SPEAKERSTREAM_START": "earliest",
            "SPEAKERSTREAM_METRICS_PORT": "0",
            "SPEAKERSTREAM_ENGINE": STAND_IN,
            "SPEAKERSTREAM_ALLOWED_PREFIXES": f'["file://{self.folder}"]',
            "SPEAKERSTREAM_KAFKA_CONSUMER": '{"session.timeout.ms": "6000"}',
            "SPEAKERSTREAM_TOPIC_AUDIO_CHUNKS": topics.audio_chunks,
            "SPEAKERSTREAM_TOPIC_CHUNK_RESULTS": topics.chunk_results,
            "SPEAKERSTREAM_TOPIC_SPEAKER_SEGMENTS": topics.speaker_segments,
            "SPEAKERSTREAM_TOPIC_SPEAKER_FINGERPRINTS": topics.speaker_fingerprints,
            "SPEAKERSTREAM_TOPIC_DEAD_LETTERS": topics.dead_letters,
        }

    # -- in -----------------------------------------------------------------------------------

    def store(self, name: str, data: bytes) -> str:
        """Put an object into the folder; its uri."""
        path = self.folder / name
        path.write_bytes(data)
        return path.as_uri()

    def chunk(self, number: int, **fields: Any) -> AudioChunk:
        """Chunk `number` of one of a few recordings; its audio is a function of the number."""
        if "uri" not in fields:
            noise = np.random.default_rng(number).normal(0, 0.1, 8000).astype(np.float32)
            data = sound(noise, kind="FLAC")
            fields["uri"] = self.store(f"{number}.flac", data)
            fields["sha256"] = hashlib.sha256(data).hexdigest()
            fields["size_bytes"] = len(data)
        return AudioChunk(
            **{
                "recording_id": f"recording-{number % RECORDINGS}",
                "chunk_id": f"chunk-{number}",
                "sequence": number // RECORDINGS,
                "start_s": number // RECORDINGS * 0.5,
                **fields,
            }
        )

    def publish(self, *chunks: AudioChunk) -> None:
        """Publish events, keyed by recording."""
        self.publish_raw(
            *((each.recording_id.encode(), self.encoder.encode(each)) for each in chunks)
        )

    def publish_raw(self, *pairs: tuple[bytes | None, bytes | None]) -> None:
        """Publish records of any content."""
        topic = self.topics.audio_chunks
        client.produce(self.bootstrap, *(OutputRecord(topic, k, v) for k, v in pairs))

    # -- out ----------------------------------------------------------------------------------

    def await_results(self, count: int, deadline_s: float = PATIENCE_S) -> list[ChunkResult]:
        """Committed results, `count` of them or as many as there are at the deadline."""
        topic = self.topics.chunk_results
        records = client.read_committed(self.bootstrap, topic, count=count, deadline_s=deadline_s)
        return [Decoder().decode(r.value or b"", ChunkResult) for r in records]

    def results(self) -> list[ChunkResult]:
        """Every committed result."""
        records = self.read(self.topics.chunk_results)
        return [Decoder().decode(r.value or b"", ChunkResult) for r in records]

    def read(self, *topics: str) -> list[StoredRecord]:
        """Every committed record of these topics."""
        return client.read_to_end(self.bootstrap, *topics)

    def committed(self) -> dict[int, int]:
        """The group's committed offsets."""
        group = Consumer({"bootstrap.servers": self.bootstrap, "group.id": self.name})
        wanted = [TopicPartition(self.topics.audio_chunks, p) for p in range(self.partitions)]
        deadline = time.monotonic() + PATIENCE_S
        try:
            while True:
                try:
                    found = group.committed(wanted, timeout=PATIENCE_S)
                except KafkaException:  # a broker that has just started has no coordinator yet
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.2)
                else:
                    return {tp.partition: tp.offset for tp in found}
        finally:
            group.close()

    def await_committed(self, records: int, deadline_s: float = PATIENCE_S) -> None:
        """Wait until the group has committed so many records in all."""

        def enough() -> bool:
            return sum(max(0, offset) for offset in self.committed().values()) >= records

        until(enough, lambda: f"committed only {self.committed()}", deadline_s)


def disorder(results: list[ChunkResult]) -> Mapping[str, list[int]]:
    """Recordings whose results are not in order of sequence, and the order they are in."""
    sequences: dict[str, list[int]] = defaultdict(list)
    for result in results:
        sequences[result.recording_id].append(result.sequence)
    return {name: found for name, found in sequences.items() if found != sorted(found)}
