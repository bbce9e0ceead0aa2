"""Kafka records as the rooms hand them to each other: bytes, no client types."""

from dataclasses import dataclass
from typing import NamedTuple

Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Ticket:
    """Which input record, in which assignment of its partition.

    A partition that was taken away and came back has a new epoch: results of an older one are
    dropped.
    """

    partition: int
    epoch: int
    offset: int


@dataclass(frozen=True, slots=True)
class InputRecord:
    """One record as polled. `timestamp_ms` is the record's own (milliseconds since 1970)."""

    ticket: Ticket
    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int
    # How often work on it was begun: this time included, unless it is given up without. Counted for
    # the lowest uncommitted record of a partition alone; of any other this is the first time known.
    attempts: int = 1
    trace: Headers = ()  # trace context of the work; empty: the input's own goes on


class OutputRecord(NamedTuple):
    """One record to publish, encoded. A tuple: a chunk has twenty and more, quickly made."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        size = len(self.key or b"") + len(self.value or b"")
        for name, value in self.headers:
            size += len(name.encode()) + len(value or b"")
        return size
