"""The owner loop: poll, start work, collect, commit.

One thread owns the consumer and the producer. It never fetches, decodes or infers, and it polls at
least every 200 ms except inside a bounded call to the broker. Rebalance callbacks run inside its
polls, on the same thread.
"""

import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, replace

import structlog

from consumer import faults
from consumer.errors import ExitCode, FatalError, Reason, TransientError
from consumer.kafka.offsets import Burst, Offsets
from consumer.kafka.source import Source
from consumer.kafka.transaction import Committer, Outcome
from consumer.pipeline.pipeline import Pipeline
from consumer.records import InputRecord
from consumer.telemetry.owner import Lag, OwnerState
from consumer.telemetry.telemetry import Telemetry

log = structlog.get_logger(__name__)

_IDLE_POLL_S = 0.2
_BUSY_POLL_S = 0.02  # results are waiting to be collected: don't let them
_SATURATED_S = 0.005  # nothing more may be polled, but results come
_POLL_BATCH = 32
_ABORT_PAUSE_S = 0.1  # longer after each
_MOST_ABORTS = 10  # in a row: something that retrying does not mend (rights, a topic's limits)
_REPORT_S = 1.0
_COMMIT_AT = 0.5  # of the window: the other half is worked on meanwhile
_RESUME_AT = 0.5  # of a limit: pausing throws the prefetch away, so not back and forth


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How the owner loop weighs latency, memory and patience."""

    window: int  # records of one partition in flight
    buffered_bytes: int
    commit_interval_s: float
    burst_bytes: int
    transaction_timeout_s: float
    revoke_timeout_s: float
    drain_timeout_s: float
    stall_timeout_s: float


def suspects_window(options: ServiceOptions) -> int:
    """The most records of a partition that can be in flight: a poll may overshoot the window."""
    return options.window + _POLL_BATCH


class Service:
    """Use: `Service(...)`, attach a `Source` whose callbacks are `revoke` and `lose`, `run()`."""

    def __init__(
        self,
        offsets: Offsets,
        committer: Committer,
        pipeline: Pipeline,
        options: ServiceOptions,
        telemetry: Telemetry,
    ) -> None:
        self._offsets = offsets
        self._committer = committer
        self._pipeline = pipeline
        self._options = options
        self._telemetry = telemetry
        self._enter = telemetry.stopwatch.enter
        self._source: Source | None = None
        self._held: deque[InputRecord] = deque()  # polled, work not begun
        self._full = False
        self._stopping = False
        self._stop_asked = 0.0
        self._last_poll = 0.0
        self._last_commit = 0.0
        self._retry_commit_at = 0.0
        self._aborts = 0
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
        """Whether to go on waiting for a broker, within a poll; tells the watchdogs so."""
        self.last_turn = time.monotonic()
        self._telemetry.polls()
        return not self._stopping

    def run(self) -> None:
        """Work until `stop`. Raises FatalError when the process must end."""
        self.source.subscribe()
        while not self._stopping:
            self._turn()
        self._drain()

    def _turn(self) -> None:
        self.last_turn = time.monotonic()
        self._enter("poll")
        if self._saturated() and self.last_turn - self._last_poll < _IDLE_POLL_S:
            time.sleep(_SATURATED_S)
        else:
            self._apply_pressure()
            self._take_in()
        self._enter("start")
        self._start_work()
        self._count_attempts()
        self._enter("collect")
        self._collect()
        self._commit_if_due()
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
        if offset == self._offsets.watermark(partition):
            record = replace(record, attempts=self._offsets.attempt(partition))
        self._pipeline.submit(self._telemetry.begins(record))

    def _count_attempts(self) -> None:
        """Write down that work begins on records whose bytes are there."""
        partitions = self._pipeline.uncounted
        if (
            partitions
            and not self._committer.pending
            and self._commit(self._offsets.mark(partitions))
        ):
            self._pipeline.count(partitions)

    # -- out ----------------------------------------------------------------------------------

    def _collect(self) -> None:
        self._telemetry.answered(
            [
                outcome
                for outcome in self._pipeline.collect()
                if self._offsets.finish(outcome.ticket, outcome.outputs)
            ]
        )

    def _commit_if_due(self, timeout_s: float | None = None) -> None:
        now = time.monotonic()
        if now < self._retry_commit_at:
            return
        if self._committer.pending:
            self._commit(self._committer.pending, timeout_s)
            return
        due = (
            now - self._last_commit >= self._options.commit_interval_s
            or self._offsets.committable >= self._options.window * _COMMIT_AT
        )
        if due or self._pipeline.idle:
            self._commit(self._offsets.burst(self._options.burst_bytes), timeout_s)

    def _commit(self, burst: Burst, timeout_s: float | None = None) -> bool:
        """Publish and commit. False: not now; the burst stays pending or its outputs retained.

        With `timeout_s` the caller has a deadline that ends what does not succeed.
        """
        if not burst:
            return True
        now = time.monotonic()
        if now < self._retry_commit_at and timeout_s is None:
            return False
        before = self._enter("commit")
        try:
            outcome = self._committer.commit(
                burst, self._options.transaction_timeout_s if timeout_s is None else timeout_s
            )
        except TransientError as error:
            self._telemetry.transaction("delayed", time.monotonic() - now)
            log.warning("commit_delayed", why=str(error))
            self._retry_commit_at = time.monotonic() + 1.0
            return False
        finally:
            self._enter(before)
        self._last_commit = time.monotonic()
        self._telemetry.transaction(outcome.name.lower(), self._last_commit - now)
        if outcome is Outcome.ABORTED:
            self._aborts += 1
            self._retry_commit_at = self._last_commit + _ABORT_PAUSE_S * self._aborts
            if self._aborts >= _MOST_ABORTS and timeout_s is None:
                raise FatalError(
                    ExitCode.KAFKA,
                    f"{self._aborts} transactions in a row were aborted: the log above names the "
                    "broker's reason (rights on the output topics, or their max.message.bytes)",
                )
            return False
        self._aborts = 0
        self._telemetry.committed(burst, self._offsets.timestamps_ms(burst))
        self._offsets.commit(burst)
        self._pipeline.count_again({s.partition for s in burst.progress if not s.marked})
        return True

    # -- limits -------------------------------------------------------------------------------

    def _saturated(self) -> bool:
        """Whether something that is still fetched has reached its limit.

        Then nothing is polled for a while, because a fast engine has room again within milliseconds
        and pausing is dear: it throws the prefetch away, and a resumed partition is fetched again
        only once the fetch under way is answered, which may wait half a second for records of the
        other partitions.
        """
        if not self._full and self._buffered_bytes() > self._options.buffered_bytes:
            return True
        window, paused = self._options.window, self.source.paused
        return any(
            self._offsets.in_flight(partition) >= window
            for partition in self._offsets.assigned
            if partition not in paused
        )

    def _apply_pressure(self) -> None:
        limit = self._options.buffered_bytes
        self._full = self._buffered_bytes() > (limit * _RESUME_AT if self._full else limit)
        window = self._options.window
        for partition in self._offsets.assigned:
            in_flight = self._offsets.in_flight(partition)
            if self._full or in_flight >= window:
                self.source.pause([partition])
            elif in_flight <= window * _RESUME_AT:
                self.source.resume([partition])

    def _buffered_bytes(self) -> int:
        held = sum(len(record.value or b"") for record in self._held)
        return self._pipeline.buffered_bytes + self._offsets.retained_bytes + held

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
        assigned = self._offsets.assigned
        ends = self.source.ends(assigned)
        self._telemetry.pulse.state = OwnerState(
            paused=len(self.source.paused),
            in_flight=sum(self._offsets.in_flight(p) for p in assigned),
            retrying=self._pipeline.retrying,
            buffered_bytes=self._buffered_bytes(),
            head_since=self._pipeline.head_since(self._offsets.heads()),
            lag={partition: self._lag(partition, ends.get(partition)) for partition in assigned},
        )

    def _lag(self, partition: int, end: int | None) -> Lag:
        oldest_ms = self._offsets.oldest_ms(partition)
        return Lag(
            records=None if end is None else self._offsets.behind(partition, end),
            seconds=0.0 if oldest_ms is None else max(0.0, time.time() - oldest_ms / 1000),
        )

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
            self._collect()
            time.sleep(_BUSY_POLL_S)
        self._collect()
        while (left_s := deadline - time.monotonic()) > 0:
            self.last_turn = time.monotonic()
            burst = self._committer.pending or self._offsets.burst(
                self._options.burst_bytes, release=chosen
            )
            if not burst:
                return
            if not self._commit(burst, timeout_s=left_s):
                time.sleep(min(left_s, max(_BUSY_POLL_S, _ABORT_PAUSE_S * self._aborts)))

    def _begun(self) -> bool:
        """Whether something will be finished, or can be committed."""
        return (
            self._pipeline.working(self._offsets.assigned)
            or self._committer.pending is not None
            or bool(self._offsets.burst(1))
        )

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
            self._commit_if_due(
                min(self._options.transaction_timeout_s, max(0.1, deadline - time.monotonic()))
            )
        self._finish(self._offsets.assigned, deadline)
        self.lose(list(self._offsets.assigned))
