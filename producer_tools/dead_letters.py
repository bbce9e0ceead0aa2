"""Dead letters as they lie in their topic: read, chosen, and turned back into the record they were.

Imports no torch.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from consumer.dead_letters import OMITTED, ORIGIN_TOPIC, original_headers
from consumer.records import Headers, OutputRecord
from producer_tools import whole_topic


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter. `ours` are the headers that the service added, as text."""

    partition: int
    offset: int
    written: datetime
    record: OutputRecord  # as it was, for the topic it came from
    ours: Mapping[str, str]

    @property
    def reason(self) -> str:
        """Of `consumer.errors.Reason`."""
        return self.ours.get("dlq.reason", "")

    @property
    def recording_id(self) -> str:
        """The key, as text."""
        return (self.record.key or b"").decode(errors="replace")

    @property
    def origin(self) -> str:
        """Where the record lay when it failed."""
        partition = self.ours.get("__connect.errors.partition")
        return f"{self.record.topic}[{partition}]@{self.ours.get('__connect.errors.offset')}"

    @property
    def whole(self) -> bool:
        """Whether it holds the record unchanged (a letter over the topic's limit does not)."""
        return OMITTED not in self.ours


@dataclass(frozen=True, slots=True)
class Choice:
    """Which dead letters; a condition not given holds for every letter."""

    reasons: frozenset[str] = frozenset()
    recordings: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None

    def __contains__(self, letter: DeadLetter) -> bool:
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (not self.recordings or letter.recording_id in self.recordings)
            and (self.since is None or self.since <= letter.written)
            and (self.until is None or letter.written < self.until)
        )


def read(
    bootstrap_servers: str, topic: str, kafka: Mapping[str, str] | None = None
) -> Iterator[DeadLetter]:
    """Every dead letter, from the oldest to the present end, in order within a partition.

    Raises:
        confluent_kafka.KafkaException: the brokers cannot be reached, or report an error.
        LookupError: the topic does not exist.
        ValueError: a record of the topic is no dead letter.
    """
    for message in whole_topic.messages(bootstrap_servers, topic, kafka):
        yield _letter(
            (message.partition() or 0, message.offset() or 0),
            message.timestamp()[1],
            (message.key(), message.value()),
            cast(Headers, tuple(message.headers() or ())),
        )


def _letter(
    place: tuple[int, int],
    timestamp_ms: int,
    content: tuple[bytes | None, bytes | None],
    headers: Headers,
) -> DeadLetter:
    try:
        theirs, ours = original_headers(headers)
    except ValueError as error:
        raise ValueError(f"partition {place[0]}, offset {place[1]}: {error}") from None
    texts = {name: (value or b"").decode(errors="replace") for name, value in ours}
    return DeadLetter(
        *place,
        datetime.fromtimestamp(timestamp_ms / 1000, UTC),
        OutputRecord(texts[ORIGIN_TOPIC], *content, theirs),
        texts,
    )


def distinct(letters: Iterable[DeadLetter]) -> Iterator[DeadLetter]:
    """The letters without those that hold the same record as an earlier one.

    A record that failed, was replayed and failed again has two letters.
    """
    seen: set[bytes] = set()
    for letter in letters:
        content = repr((letter.record, letter.ours.get(OMITTED) and letter.origin)).encode()
        digest = hashlib.sha256(content).digest()
        if digest not in seen:
            seen.add(digest)
            yield letter
