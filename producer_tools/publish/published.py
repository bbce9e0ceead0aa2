"""Which chunks a topic holds already: what a publisher that was interrupted need not repeat."""

from collections.abc import Callable, Mapping

from producer_tools import whole_topic
from schemas.codec import Decoder
from schemas.errors import MalformedEventError, UnknownSchemaError
from schemas.records import AudioChunk
from schemas.registry import RegistryClient

ChunkKeys = frozenset[tuple[str, str]]
"""Chunks by recording_id and chunk_id."""


def published(
    bootstrap_servers: str,
    topic: str,
    wanted: Callable[[str], bool],
    kafka: Mapping[str, str] | None = None,
    registry: RegistryClient | None = None,
) -> ChunkKeys:
    """The chunks on a topic whose recording is wanted.

    The topic itself is asked, not a note of ours: it alone knows what arrived before a crash.

    Args:
        bootstrap_servers, topic, kafka: see `whole_topic.messages`.
        wanted: whether a recording_id matters; others are not decoded.
        registry: needed to read events in Confluent wire format.

    Raises:
        confluent_kafka.KafkaException, LookupError: see `whole_topic.messages`.
        schemas.errors.RegistryUnavailableError: the registry gave no answer.
    """
    decoder = Decoder(registry)
    found = set()
    for message in whole_topic.messages(bootstrap_servers, topic, kafka):
        if not wanted((message.key() or b"").decode(errors="replace")):
            continue
        try:
            chunk = decoder.decode(message.value() or b"", AudioChunk)
        except (MalformedEventError, UnknownSchemaError):
            continue  # of another publisher; the service answers it
        found.add((chunk.recording_id, chunk.chunk_id))
    return frozenset(found)
