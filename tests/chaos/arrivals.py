"""Watches the results come in, to tell how long a partition was without them."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable

from confluent_kafka import Consumer, TopicPartition


class Arrivals(threading.Thread):
    """Notes when each committed result was produced and when a subscriber could read it.

    Results lie in the partition that their chunks lie in: same key, same number of partitions.
    """

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        super().__init__(daemon=True)
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "chaos-arrivals",  # required by the client, never joined
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
            }
        )
        self._consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
        self._over = threading.Event()
        self._seen: dict[int, list[tuple[float, float]]] = defaultdict(list)

    def run(self) -> None:
        """Read until `finish`."""
        while not self._over.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                produced = message.timestamp()[1] / 1000
                self._seen[message.partition() or 0].append((produced, time.time()))

    def recovery(self, partitions: Iterable[int], after: float) -> float | None:
        """Seconds from `after` until each partition had a result that was produced later.

        A partition that never has results (no recording's key leads to it) does not count. None
        when another had none any more.
        """
        waits = []
        for partition in self._seen.keys() & set(partitions):
            came = [read for produced, read in self._seen[partition] if produced > after]
            if not came:
                return None
            waits.append(min(came) - after)
        return max(waits, default=0.0)

    def finish(self) -> None:
        """Stop reading."""
        self._over.set()
        self.join()
        self._consumer.close()
