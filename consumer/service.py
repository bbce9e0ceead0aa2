"""The owner loop: poll, start work, collect, commit.

One thread owns the consumer and the producer. It never fetches, decodes or infers, and it polls
every 200 ms or so, but for bounded calls to the broker. Rebalance callbacks run inside its polls,
on the same thread: a poll that takes a partition away waits for begun work within a deadline, and
one that assigns a partition waits for the broker as long as that is away.
"""

import time
from collections import deque
from collections.abc import Collection
from dataclasses import replace

import structlog

from consumer import faults
from consumer.commits import Commits
from consumer.errors import ExitCode, FatalError, Reason
from consumer.kafka.offsets import Offsets
from consumer.kafka.source import Source
from consumer.pipeline.pipeline import Pipeline
from consumer.pressure import Pressure
from consumer.records import InputRecord
from consumer.service_options import ServiceOptions
from consumer.snapshot import owner_state
from consumer.telemetry.telemetry import Telemetry

log = structlog.get_logger(__name__)

_IDLE_POLL_S = 0.2
_BUSY_POLL_S = 0.02  # results are waiting to be collected: don't let them
_SATURATED_S = 0.005  # nothing more may be polled, but results come
_POLL_BATCH = 32
_REPORT_S = 1.0
_GIVE_BACK_S = 5.0
_NO_RECORDS_FAULT = (ExitCode.SETTINGS, ExitCode.KAFKA, ExitCode.FENCED, ExitCode.OFFSETS)


def suspects_window(options: ServiceOptions) -> int:
    """The most records of a partition that can be in flight: a poll may overshoot the window."""
    return options.window + _POLL_BATCH


class Service:
    """Use: `Service(...)`, attach a `Source` whose callbacks are `revoke` and `lose`, `run()`."""

    def __init__(
        self,
        offsets: Offsets,
        commits: Commits,
        pipeline: Pipeline,
        options: ServiceOptions,
        telemetry: Telemetry,
    ) -> None:
        self._offsets = offsets
        self._pipeline = pipeline
        self._options = options
        self._telemetry = telemetry
        self._enter = telemetry.stopwatch.enter
        self._commits = commits
        self._pressure = Pressure(offsets, pipeline, options)
        self._source: Source | None = None
        self._held: deque[InputRecord] = deque()  # polled, work not begun
        self._stopping = False
        self._stop_asked = 0.0
        self._last_poll = 0.0
        self._last_report = 0.0
        self.last_turn = time.monotonic()  # read by the watchdog

    def attach(self, source: Source) -> None:
        """The source whose records are worked on."""
        self._source = source

    @property
    def source(self) -> Source:
        """The attached source."""
        assert self._source is not None
        return self._source

    def stop(self) -> None:
        """Finish or give up within the drain deadline, then return from `run`. Signal-safe."""
        self._stop_asked = time.monotonic()
        self._stopping = True

    def wait_on(self) -> bool:
        """Whether to go on waiting for a broker, within a poll; tells the watchdogs so.

        What is finished meanwhile is taken in, or it would seem to make no progress.
        """
        self.last_turn = time.monotonic()
        self._telemetry.polls()
        self._collect()
        self._report()
        return not self._stopping

    def run(self) -> None:
        """Work until `stop`. Raises FatalError when the process must end."""
        self.source.subscribe()
        try:
            while not self._stopping:
                self._turn()
            self._drain()
        except FatalError as error:
            if error.code in _NO_RECORDS_FAULT:
                self.source.give_back(_GIVE_BACK_S)
            raise

    def _turn(self) -> None:
        self.last_turn = time.monotonic()
        self._enter("poll")
        held = self._held_bytes()
        if (
            self._pressure.saturated(self.source, held)
            and self.last_turn - self._last_poll < _IDLE_POLL_S
        ):
            time.sleep(_SATURATED_S)
        else:
            self._pressure.apply(self.source, held)
            self._take_in()
        self._enter("start")
        self._start_work()
        self._commits.count_attempts()
        self._enter("collect")
        self._collect()
        self.last_turn = time.monotonic()  # each is a bounded call; of both the bounds add up
        self._commits.commit_if_due()
        self._enter("limits")
        self._check_stall()
        self._report()

    # -- in -----------------------------------------------------------------------------------

    def _take_in(self) -> None:
        self._last_poll = time.monotonic()
        wait_s = _IDLE_POLL_S if self._pipeline.idle and not self._held else _BUSY_POLL_S
        self._telemetry.polls()
        records = self.source.poll(wait_s, _POLL_BATCH)
        if records:
            self._telemetry.metrics.records.inc(len(records))
            faults.point("after_poll")
            self._held.extend(records)

    def _start_work(self) -> None:
        """Begin what is held."""
        if self._held and self._offsets.isolating:
            self._start_alone()
            return
        while self._held:
            self._submit(self._held.popleft())

    def _start_alone(self) -> None:
        """The process keeps dying: one record at a time, so that it shows which one it is."""
        in_flight = sum(self._offsets.in_flight(p) for p in self._offsets.assigned)
        if in_flight > len(self._held):
            return  # something is begun, or finished and not committed
        partition = self._held[0].ticket.partition
        deaths = self._offsets.attempts(partition)
        record = self._held.popleft()
        if deaths.exhausted:
            self._pipeline.give_up(
                self._telemetry.begins(replace(record, attempts=deaths.begun)),
                Reason.KILLS_PROCESS,
                f"the process died {deaths.begun} times while working on this record",
            )
        else:
            self._submit(record)

    def _submit(self, record: InputRecord) -> None:
        partition, offset = record.ticket.partition, record.ticket.offset
        if offset == self._offsets.head(partition):
            record = replace(record, attempts=self._offsets.attempt(partition))
        self._pipeline.submit(self._telemetry.begins(record))

    # -- out ----------------------------------------------------------------------------------

    def _collect(self) -> None:
        self._telemetry.answered(
            [
                outcome
                for outcome in self._pipeline.collect()
                if self._offsets.finish(outcome.ticket, outcome.outputs)
            ]
        )

    # -- limits -------------------------------------------------------------------------------

    def _check_stall(self) -> None:
        stalled = self._pipeline.stalled(self._offsets.heads(), self._options.stall_timeout_s)
        if stalled:
            raise FatalError(ExitCode.STALLED, f"no progress: {stalled}")

    def _report(self) -> None:
        """A snapshot for telemetry, about once a second."""
        now = time.monotonic()
        if now - self._last_report < _REPORT_S:
            return
        self._last_report = now
        buffered = self._pressure.buffered_bytes(self._held_bytes())
        self._telemetry.pulse.state = owner_state(
            self._offsets, self._pipeline, self.source, buffered
        )

    def _held_bytes(self) -> int:
        return sum(len(record.value or b"") for record in self._held)

    # -- rebalances and the end ---------------------------------------------------------------

    def revoke(self, partitions: list[int]) -> None:
        """Finish and commit what can be finished in time; the partitions are gone on return."""
        faults.point("in_revoke")
        began, before = time.monotonic(), self._enter("rebalance")
        self._finish(partitions, began + self._options.revoke_timeout_s)
        self.lose(partitions)
        self._enter(before)
        self._telemetry.metrics.revocations.observe(time.monotonic() - began)

    def lose(self, partitions: list[int]) -> None:
        """The partitions are gone: forget everything about them, commit nothing."""
        chosen = set(partitions)
        self._pipeline.drop(chosen)
        self._telemetry.dropped(chosen)
        self._held = deque(r for r in self._held if r.ticket.partition not in chosen)

    def _finish(self, partitions: Collection[int], deadline: float) -> None:
        """Wait for begun work on `partitions`, and commit it with their attempts given back.

        No poll in between: this runs inside one.
        """
        chosen = set(partitions)
        while self._pipeline.working(chosen) and time.monotonic() < deadline:
            self.last_turn = time.monotonic()
            self._collect()
            time.sleep(_BUSY_POLL_S)
        self._collect()
        while (left_s := deadline - time.monotonic()) > 0:
            self.last_turn = time.monotonic()
            burst = self._commits.next_burst(release=chosen)
            if not burst:
                return
            if not self._commits.commit(burst, timeout_s=left_s):
                time.sleep(min(left_s, max(_BUSY_POLL_S, self._commits.pause_s)))

    def _begun(self) -> bool:
        """Whether something will be finished, or can be committed."""
        return self._pipeline.working(self._offsets.assigned) or self._commits.waiting

    def _drain(self) -> None:
        """After `stop`: no new work; finish what is begun, within the deadline."""
        deadline = self._stop_asked + self._options.drain_timeout_s
        log.info("draining", records=self._offsets.unfinished)
        self._held.clear()
        self.source.pause(self._offsets.assigned)
        # With polls: a member that the group has given up learns it there, and drops its outputs.
        while self._begun() and time.monotonic() < deadline:
            self.last_turn = time.monotonic()
            self._telemetry.polls()
            self.source.poll(_BUSY_POLL_S, _POLL_BATCH)
            self._collect()
            self._commits.commit_if_due(max(0.1, deadline - time.monotonic()))
        self._finish(self._offsets.assigned, deadline)
        self.lose(list(self._offsets.assigned))
