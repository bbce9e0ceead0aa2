"""When the owner loop polls, pauses and commits; its neighbours are pretended."""

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any, cast

import pytest

from consumer.commits import Commits
from consumer.errors import ExitCode, FatalError
from consumer.events import Topics
from consumer.kafka.attempts import Attempts
from consumer.kafka.offsets import Burst, Offsets
from consumer.kafka.source import Source
from consumer.kafka.transaction import Outcome
from consumer.pipeline import job
from consumer.pipeline.pipeline import Pipeline
from consumer.records import InputRecord, OutputRecord, Ticket
from consumer.service import Service
from consumer.service_options import ServiceOptions
from consumer.telemetry.health import Deadlines
from consumer.telemetry.owner import OwnerState
from consumer.telemetry.telemetry import Telemetry

WINDOW = 8
PATIENCE_S = 10.0
ANSWER = (OutputRecord("out", b"k", b"v"),)


class Log:
    """A source with as many records in partition 0 as anybody wants, one a poll."""

    def __init__(self, offsets: Offsets, deaths: int = 0) -> None:
        self.offsets = offsets
        self._deaths = deaths
        self.paused: frozenset[int] = frozenset()
        self.pauses: list[int] = []  # records in flight at each
        self.polls = 0
        self.closed = False
        self.given_back = 0

    def subscribe(self) -> None:
        self.offsets.assign(0, 0, Attempts(self._deaths))

    def poll(self, _timeout_s: float, _most: int) -> list[InputRecord]:
        self.polls += 1
        if self.paused:
            return []
        ticket = self.offsets.begin(0, self.offsets._partitions[0].position)
        return [InputRecord(ticket, "in", b"k", b"v", (), int(time.time() * 1000))]

    def pause(self, partitions: Iterable[int]) -> None:
        if not self.paused and not self.closed:
            self.pauses.append(self.offsets.in_flight(0))
        self.paused = frozenset(partitions)

    def resume(self, partitions: Iterable[int]) -> None:
        self.paused -= frozenset(partitions)

    def give_back(self, _timeout_s: float) -> None:
        self.given_back += 1

    def ends(self, _partitions: Iterable[int]) -> dict[int, int]:
        return {}


class Work:
    """A pipeline that answers when it is told to."""

    uncounted: frozenset[int] = frozenset()
    buffered_bytes = 0
    retrying = 0

    def __init__(self, answers: Callable[["Work"], int]) -> None:
        self.begun: list[Ticket] = []
        self.attempts: list[int] = []  # of each record that was begun
        self._answers = answers

    @property
    def idle(self) -> bool:
        return not self.begun

    def submit(self, record: InputRecord) -> None:
        self.begun.append(record.ticket)
        self.attempts.append(record.attempts)

    def collect(self) -> list[job.Outcome]:
        count = self._answers(self)
        done, self.begun = self.begun[:count], self.begun[count:]
        return [job.Outcome(t, ANSWER, "r", "c") for t in done]

    def working(self, _partitions: Collection[int]) -> bool:
        return False

    def stalled(self, _heads: Iterable[Ticket], _limit_s: float) -> None:
        return None

    def head_since(self, _heads: Iterable[Ticket]) -> None:
        return None

    def count_again(self, partitions: Collection[int]) -> None:
        """Nothing is counted here."""

    def drop(self, partitions: Collection[int]) -> None:
        self.begun.clear()


class Broker:
    """A committer whose transactions end so."""

    pending: Burst | None = None

    def __init__(self, outcome: Outcome = Outcome.COMMITTED) -> None:
        self.sizes: list[int] = []
        self._outcome = outcome

    def start(self, timeout_s: float) -> None:
        """Nothing to prepare."""

    def commit(self, burst: Burst, _timeout_s: float) -> Outcome:
        self.sizes.append(len(burst.outputs))
        return self._outcome


def made(log: Log, broker: Broker, work: Work, **options: float) -> Service:
    """The loop around these; its commits are due every hour."""
    pipeline = cast(Pipeline, work)
    chosen = ServiceOptions(
        window=WINDOW,
        buffered_bytes=1 << 20,
        commit_interval_s=3600.0,
        burst_bytes=1 << 20,
        transaction_timeout_s=1.0,
        revoke_timeout_s=1.0,
        drain_timeout_s=0.0,
        stall_timeout_s=60.0,
    )
    chosen = replace(chosen, **cast(Any, options))
    telemetry = Telemetry(Topics(), Deadlines(60.0, 60.0, 60.0))
    due = Commits(log.offsets, broker, pipeline, chosen, telemetry)
    due._last = time.monotonic()
    service = Service(log.offsets, due, pipeline, chosen, telemetry)
    service.attach(cast(Source, cast(Any, log)))
    return service


def run(answers: Callable[[Work], int], until: Callable[[Log, Broker], bool]) -> tuple[Log, Broker]:
    """Run the loop until so."""
    log, commits = Log(Offsets(WINDOW)), Broker()
    deadline = time.monotonic() + PATIENCE_S

    def answer(work: Work) -> int:
        if until(log, commits) or time.monotonic() > deadline:
            log.closed = True  # what stopping pauses is not counted
            service.stop()
        return answers(work)

    service = made(log, commits, Work(answer))
    service.run()
    return log, commits


def test_half_a_window_is_committed_while_the_other_half_is_worked_on() -> None:
    """Or the window would be full of what only waits for the interval to pass."""

    def behind(work: Work) -> int:
        return max(0, len(work.begun) - 2)  # two records are always being worked on

    _, commits = run(behind, lambda _log, commits: len(commits.sizes) >= 3)
    assert commits.sizes[:3] == [WINDOW // 2] * 3


def test_a_full_window_that_empties_soon_is_not_paused() -> None:
    """A resumed partition waits for the broker's answer to the fetch of the others."""
    filled: list[float] = []

    def in_bursts(work: Work) -> int:
        if len(work.begun) < WINDOW:
            return 0
        filled.append(time.monotonic())
        return len(work.begun) - 1

    log, _ = run(in_bursts, lambda log, _commits: log.polls > 10 * WINDOW)
    assert filled
    assert not log.pauses


def test_a_full_window_that_stays_full_is_paused_and_polled_on() -> None:
    """The group wants polls, whatever the engine does."""
    log, _ = run(lambda _work: 0, lambda log, _commits: log.polls > WINDOW + 5)
    assert log.pauses == [WINDOW]


def test_no_poll_while_the_window_is_full_but_for_the_group() -> None:
    began = time.monotonic()
    log, _ = run(lambda _work: 0, lambda log, _commits: bool(log.pauses))
    assert log.polls <= WINDOW + 1
    assert time.monotonic() - began >= 0.15


@pytest.mark.parametrize("code", list(ExitCode), ids=lambda code: code.name)
def test_attempts_do_not_count_when_the_process_ends_through_no_fault_of_a_record(
    code: ExitCode,
) -> None:
    def fail(_work: Work) -> int:
        raise FatalError(code, "the end")

    log = Log(Offsets(WINDOW))
    with pytest.raises(FatalError, match="the end"):
        made(log, Broker(), Work(fail)).run()
    blameless = (ExitCode.SETTINGS, ExitCode.KAFKA, ExitCode.FENCED, ExitCode.OFFSETS)
    assert log.given_back == (code in blameless)


def test_what_is_finished_while_a_poll_waits_for_a_broker_is_taken_in() -> None:
    """An assignment asks a broker, which may be away for long: that is no stall of a chunk."""

    def answers(work: Work) -> int:
        return len(work.begun) if waits else 0

    waits: list[bool] = []
    log = Log(Offsets(WINDOW))
    service = made(log, Broker(), Work(answers))
    usual = log.poll

    def waiting(_timeout_s: float, _most: int) -> list[InputRecord]:
        if not log.offsets.unfinished:
            return usual(_timeout_s, _most)
        waits.append(True)
        service._last_report, service._telemetry.pulse.state = 0.0, OwnerState()
        assert service.wait_on()
        assert not log.offsets.unfinished
        assert service._telemetry.pulse.state.in_flight == 1  # not committed yet
        service.stop()
        assert not service.wait_on()
        return []

    log.poll = waiting  # type: ignore[method-assign]
    service.run()
    assert waits


def test_deaths_are_those_of_the_record_they_are_counted_for() -> None:
    """Not of the next one, though all before it is finished, while nothing is committed."""

    def all_of_them(work: Work) -> int:
        if len(work.attempts) > 2:
            service.stop()
        return len(work.begun)

    work = Work(all_of_them)
    service = made(Log(Offsets(WINDOW), deaths=2), Broker(Outcome.ABORTED), work)
    service.run()
    assert work.attempts == [3, 1, 1]


def test_each_call_to_a_broker_has_the_watchdogs_patience_to_itself() -> None:
    """One turn may count an attempt and commit: together they may outlast it."""
    turns: list[float] = []

    class Noting(Broker):
        def commit(self, burst: Burst, timeout_s: float) -> Outcome:
            turns.append(service.last_turn)
            time.sleep(0.001)  # or the clock might not have moved
            return super().commit(burst, timeout_s)

    class Uncounted(Work):
        uncounted = frozenset({0})

        def count(self, _partitions: Collection[int]) -> None:
            service.stop()

    service = made(Log(Offsets(WINDOW)), Noting(), Uncounted(lambda work: len(work.begun)))
    service.run()
    counting, committing = turns[:2]
    assert counting < committing
