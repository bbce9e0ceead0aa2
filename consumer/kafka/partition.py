"""What is known of one assigned partition: the mutable part of the ledger in `offsets.py`."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from consumer.kafka.attempts import Attempts
from consumer.records import OutputRecord

Outputs = tuple[OutputRecord, ...]


@dataclass(slots=True)
class Entry:
    """A record in flight, or finished behind one that is."""

    timestamp_ms: int
    outputs: Outputs | None = None  # None while unfinished
    size: int = 0  # of the outputs, in bytes


@dataclass(slots=True)
class Partition:
    """See `Offsets`."""

    epoch: int
    committed: int
    attempts: Attempts
    position: int
    marked: bool = False  # whether the attempt on the head has been written
    in_flight: dict[int, Entry] = field(default_factory=dict)  # in offset order
    unfinished: deque[int] = field(default_factory=deque)  # from the first unfinished on, in order
    prefix: int = 0  # records of `in_flight` before that one

    def advance(self) -> None:
        """Some record was finished: look for the first that is not."""
        while self.unfinished and self.in_flight[self.unfinished[0]].outputs is not None:
            self.unfinished.popleft()
            self.prefix += 1

    @property
    def watermark(self) -> int:
        """The offset up to which everything is finished."""
        return self.unfinished[0] if self.unfinished else self.position

    @property
    def head(self) -> int:
        """The lowest offset not committed."""
        return next(iter(self.in_flight), self.position)

    def finished_prefix(self) -> Iterator[tuple[int, Outputs, int]]:
        """Offset, outputs and their bytes of what is finished, up to the first that is not."""
        for offset, entry in self.in_flight.items():
            if entry.outputs is None:
                return
            yield offset, entry.outputs, entry.size
