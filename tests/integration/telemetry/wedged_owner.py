"""The service with an owner loop that hangs for good once it has polled a record."""

import threading

from consumer.cli import main
from consumer.kafka.source import Source
from consumer.records import InputRecord

_poll = Source.poll


def _hang_after_records(self: Source, timeout_s: float, most: int) -> list[InputRecord]:
    records = _poll(self, timeout_s, most)
    if records:
        threading.Event().wait()
    return records


if __name__ == "__main__":
    Source.poll = _hang_after_records  # type: ignore[method-assign]
    main()
