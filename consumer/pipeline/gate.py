"""Where a record whose bytes are there waits until the attempt on its partition is counted.

Not before: a process that is killed while a record only waits for its store says nothing about the
record, however often that happens.
"""

import threading
from collections.abc import Collection

from consumer.pipeline.job import Job, Stage


class Gate:
    """Shut for every partition at first. Used from every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[int] = set()
        self._waiting: dict[int, list[Job]] = {}

    def passes(self, job: Job) -> bool:
        """Whether the job may go on; otherwise it waits for `admit`."""
        partition = job.record.ticket.partition
        with self._lock:
            if job.dropped:
                return False
            if partition in self._open:
                return True
            job.enter(Stage.FETCHED)
            self._waiting.setdefault(partition, []).append(job)
            return False

    @property
    def waiting(self) -> frozenset[int]:
        """Partitions with a job that waits."""
        with self._lock:
            return frozenset(self._waiting)

    def admit(self, partitions: Collection[int]) -> list[Job]:
        """Open for these partitions: the jobs that waited, and from now on any."""
        with self._lock:
            self._open.update(partitions)
            return [job for partition in partitions for job in self._waiting.pop(partition, ())]

    def shut(self, partitions: Collection[int]) -> None:
        """The next record of these partitions is counted on its own."""
        with self._lock:
            self._open.difference_update(partitions)

    def forget(self, partitions: Collection[int]) -> None:
        """These partitions are gone, their jobs dropped, and with them what waits."""
        with self._lock:
            self._open.difference_update(partitions)
            for partition in partitions:
                self._waiting.pop(partition, None)
