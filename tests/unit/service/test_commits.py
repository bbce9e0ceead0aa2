"""What becomes of bursts that are not committed."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from consumer.commits import Commits
from consumer.errors import ExitCode, FatalError
from consumer.events import Topics
from consumer.kafka.attempts import Attempts
from consumer.kafka.offsets import Burst, Offsets
from consumer.kafka.transaction import Outcome
from consumer.records import OutputRecord
from consumer.service_options import ServiceOptions
from consumer.telemetry.health import Deadlines
from consumer.telemetry.telemetry import Telemetry

OFTEN = 1000


class Broker:
    """A committer whose transactions end as told."""

    pending: Burst | None = None

    def __init__(self, outcome: Callable[[], Outcome]) -> None:
        self._outcome = outcome
        self.timeouts: list[float] = []

    def start(self, timeout_s: float) -> None:
        """Nothing to prepare."""

    def commit(self, _burst: Burst, timeout_s: float) -> Outcome:
        self.timeouts.append(timeout_s)
        return self._outcome()


class Work:
    """A pipeline that nothing is asked of."""

    def count_again(self, partitions: object) -> None:
        pass


def made(outcome: Callable[[], Outcome] | Broker) -> tuple[Commits, Burst]:
    """With a burst to commit."""
    broker = outcome if isinstance(outcome, Broker) else Broker(outcome)
    offsets = Offsets(8)
    offsets.assign(0, 0, Attempts())
    offsets.finish(offsets.begin(0, 0), (OutputRecord("out", b"k", b"v"),))
    options = ServiceOptions(8, 1 << 20, 0.1, 1 << 20, 1.0, 1.0, 1.0, 60.0)
    telemetry = Telemetry(Topics(), Deadlines(60.0, 60.0, 60.0))
    commits = Commits(offsets, broker, cast(Any, Work()), options, telemetry)
    return commits, offsets.burst(1000)


def again(commits: Commits, burst: Burst) -> bool:
    """Commit once the pause after the last time is over."""
    commits._retry_at = 0.0
    return commits.commit(burst)


def test_an_outage_is_waited_out_whatever_it_takes() -> None:
    commits, burst = made(lambda: Outcome.ABORTED)
    for _ in range(OFTEN):
        assert not again(commits, burst)
        assert 0 < commits.pause_s <= 1


def test_refusals_in_a_row_end_the_process() -> None:
    commits, burst = made(lambda: Outcome.REFUSED)
    for _ in range(9):
        assert not again(commits, burst)
    with pytest.raises(FatalError, match="refused") as raised:
        again(commits, burst)
    assert raised.value.code is ExitCode.KAFKA


def test_refusals_now_and_then_do_not() -> None:
    outcomes = iter([*[Outcome.REFUSED] * 9, Outcome.COMMITTED] * 2)
    commits, burst = made(lambda: next(outcomes))
    for _ in range(9):
        assert not again(commits, burst)
    assert again(commits, burst)
    for _ in range(9):
        assert not again(commits, Burst(burst.progress))


def test_no_call_to_a_broker_outlasts_a_transaction() -> None:
    """A caller may have minutes, to drain; the watchdog has not."""
    broker = Broker(lambda: Outcome.ABORTED)
    commits, burst = made(broker)
    for timeout_s in (None, 3600.0, 0.5):
        commits._retry_at = 0.0
        commits.commit(burst, timeout_s)
    assert broker.timeouts == [1.0, 1.0, 0.5]
