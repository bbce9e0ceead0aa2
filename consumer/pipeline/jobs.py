"""Every record being worked on, and whether it gets anywhere."""

import threading
import time
from collections.abc import Collection, Iterable

from consumer.pipeline.job import WAITS, Job, Stage
from consumer.records import InputRecord, Ticket


class Jobs:
    """The table of jobs. `begin`, `end` and `drop` belong to the owner thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[Ticket, Job] = {}
        self._begun = 0
        self._turns: dict[Stage, float] = {}  # when one of a waiting stage's workers came free
        self.event_bytes = 0  # of all events, read or not

    def begin(self, record: InputRecord) -> Job:
        """A new job; jobs are numbered in the order they begin."""
        with self._lock:
            self._begun += 1
            job = self._jobs[record.ticket] = Job(self._begun, record)
            self.event_bytes += job.event_bytes
        return job

    def end(self, ticket: Ticket) -> bool:
        """Forget a finished job. False when it was dropped before."""
        with self._lock:
            job = self._jobs.pop(ticket, None)
            if job is not None:
                self.event_bytes -= job.event_bytes
        return job is not None

    def drop(self, partitions: Collection[int] | None = None) -> list[Job]:
        """Forget the jobs of these partitions (None: all); returns them."""
        with self._lock:
            tickets = [t for t in self._jobs if partitions is None or t.partition in partitions]
            dropped = [self._jobs.pop(ticket) for ticket in tickets]
            self.event_bytes -= sum(job.event_bytes for job in dropped)
        return dropped

    @property
    def idle(self) -> bool:
        """Whether there is none."""
        return not self._jobs

    @property
    def retrying(self) -> int:
        """Jobs in a declared retry."""
        with self._lock:
            return sum(job.stage is Stage.RETRYING for job in self._jobs.values())

    def working(self, partitions: Collection[int]) -> bool:
        """Whether a job of these partitions will finish without anything outside returning."""
        with self._lock:
            stages = {job.stage for t, job in self._jobs.items() if t.partition in partitions}
            waits = {*WAITS, Stage.QUEUED} if self._memory_waits() else {*WAITS}
        return not stages <= waits

    # -- progress -----------------------------------------------------------------------------

    def turned(self, *stages: Stage) -> None:
        """One of the workers that these stages wait for came free."""
        now = time.monotonic()
        for stage in stages:
            self._turns[stage] = now

    def stalled(self, heads: Iterable[Ticket], limit_s: float) -> str | None:
        """A sentence about a head job that made no progress for `limit_s`, if there is one."""
        now = time.monotonic()
        for job in self._heads(heads):
            if now - self._since(job) > limit_s:
                ticket = job.record.ticket
                return (
                    f"partition {ticket.partition}, offset {ticket.offset} has been "
                    f"{job.stage.value} for {now - job.since:.0f} s"
                )
        return None

    def head_since(self, heads: Iterable[Ticket]) -> float | None:
        """When the head job that made no progress for longest made its last (monotonic).

        None when no head is being worked on outside a declared retry.
        """
        return min((self._since(job) for job in self._heads(heads)), default=None)

    def _heads(self, heads: Iterable[Ticket]) -> list[Job]:
        """Those that must get on by themselves; sets the clock of the others' queue right first."""
        found = (self._jobs.get(ticket) for ticket in heads)
        jobs = [job for job in found if job is not None and job.stage not in WAITS]
        with self._lock:
            memory_waits = self._memory_waits()
        if memory_waits and any(job.stage is Stage.QUEUED for job in jobs):
            self.turned(Stage.QUEUED)
        return jobs

    def _memory_waits(self) -> bool:
        """Whether all memory is held by jobs that wait for the broker: who waits for memory waits
        for the broker then. With the lock held.
        """
        holding = {job.stage for job in self._jobs.values() if job.reserved_bytes > 0}
        return holding == {Stage.FETCHED}

    def _since(self, job: Job) -> float:
        """When a job last came nearer to its end.

        One that waits its turn does so whenever the workers it waits for finish something: behind
        a store that lets every fetch time out, a long queue is no stall.
        """
        return max(job.since, self._turns.get(job.stage, 0.0))
