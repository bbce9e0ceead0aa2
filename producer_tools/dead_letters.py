"""Dead letters as they lie in their topic: read, chosen, and turned back into the record they were.

Imports no torch.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from confluent_kafka import Message

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
    def message(self) -> str:
        """The error in words."""
        return self.ours.get("__connect.errors.exception.message", "")

    @property
    def attempts(self) -> str:
        """How often work on the record was begun."""
        return self.ours.get("dlq.attempts", "")

    def facts(self) -> dict[str, str]:
        """What is known about it, as text: what a list or a page shows."""
        return {
            "recording_id": self.recording_id,
            "source": self.origin,
            "reason": self.reason,
            "message": self.message,
            "attempts": self.attempts,
            "written": self.written.isoformat(),
        }

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
    return map(letter, whole_topic.messages(bootstrap_servers, topic, kafka))


def letter(message: Message) -> DeadLetter:
    """A record of the dead-letter topic as a dead letter.

    Raises:
        ValueError: it is none.
    """
    partition, offset = message.partition() or 0, message.offset() or 0
    headers = cast(Headers, tuple(message.headers() or ()))
    try:
        theirs, ours = original_headers(headers)
    except ValueError as error:
        raise ValueError(f"partition {partition}, offset {offset}: {error}") from None
    texts = {name: (value or b"").decode(errors="replace") for name, value in ours}
    return DeadLetter(
        partition,
        offset,
        datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC),
        OutputRecord(texts[ORIGIN_TOPIC], message.key(), message.value(), theirs),
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
