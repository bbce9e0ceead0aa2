"""Publishing chunks to Kafka, for pipelines that record meetings. Imports no torch."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, Message, Producer

from schemas.codec import Encoder
from schemas.records import AudioChunk
from schemas.registry import RegistryClient

OWNED = {
    "enable.idempotence": True,
    "acks": "all",
    # What Java clients use: a recording stays in one partition whoever publishes its chunks.
    "partitioner": "murmur2_random",
}
"""Properties the order of chunks depends on."""


class PublishError(RuntimeError):
    """Chunks that did not arrive; the message names the first and its error."""


class ChunkPublisher:
    """Publishes chunks, keyed by recording_id, in order, without duplicates from retries.

    Use it as a context manager: leaving it waits until every chunk has arrived.

    Args:
        bootstrap_servers: `host:port`, several comma-separated.
        topic: the input topic of the service.
        kafka: further librdkafka properties (security, compression).
        registry: where the schema's id is looked up; without one, single-object encoding.

    Raises:
        ValueError: `kafka` sets a property the order of chunks depends on.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topic: str = "audio-chunks",
        kafka: Mapping[str, str] | None = None,
        registry: RegistryClient | None = None,
    ) -> None:
        extra = dict(kafka or {})
        if owned := sorted(OWNED.keys() & extra.keys()):
            raise ValueError(f"remove {', '.join(owned)}: the order of chunks depends on it")
        self._topic = topic
        self._encoder = Encoder(registry, {AudioChunk: topic})
        self._producer = Producer({**extra, "bootstrap.servers": bootstrap_servers, **OWNED})
        self._failed: list[tuple[AudioChunk, KafkaError]] = []

    def publish(self, chunk: AudioChunk) -> None:
        """Queue a chunk; waits only while the queue is full.

        Raises:
            MalformedEventError: a value does not fit the schema.
        """
        value = self._encoder.encode(chunk)

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                self._failed.append((chunk, error))

        while True:
            try:
                self._producer.produce(
                    self._topic,
                    value=value,
                    key=chunk.recording_id.encode(),
                    on_delivery=delivered,
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return

    def flush(self, timeout_s: float = 60.0) -> None:
        """Wait until every chunk has arrived.

        Raises:
            PublishError: one did not, or the time is over.
        """
        waiting = self._producer.flush(timeout_s)
        failed, self._failed = self._failed, []
        if failed:
            chunk, error = failed[0]
            raise PublishError(
                f"{len(failed)} chunks were not published; the first is "
                f"{chunk.recording_id}/{chunk.chunk_id}: {error.str()}"
            )
        if waiting:
            raise PublishError(
                f"{waiting} chunks are still unpublished after {timeout_s:g} s: "
                "are the brokers reachable?"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.flush()
        else:
            self._producer.purge()
