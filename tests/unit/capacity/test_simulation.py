"""The simulation against queues whose answer is known."""

import numpy as np
import pytest

from deploy.capacity.day import Arrivals, working_day
from deploy.capacity.simulation import Fleet, simulate


def evenly(seconds: float, count: int, partitions: int) -> Arrivals:
    return Arrivals(np.arange(count, dtype=np.float64) * seconds, np.arange(count) % partitions)


def test_an_idle_worker_answers_at_once() -> None:
    outcome = simulate(evenly(10.0, 50, 1), 1, np.array([4.0]), Fleet(1, 1), seed=0)
    assert outcome.lags_s == pytest.approx(4.0)
    assert outcome.busy_share == pytest.approx(0.4, abs=0.05)


def test_a_queue_grows_by_what_a_worker_cannot_do() -> None:
    outcome = simulate(evenly(1.0, 101, 1), 1, np.array([1.5]), Fleet(1, 1), seed=0)
    # Every chunk adds half a second to the wait of the next.
    assert outcome.lags_s == pytest.approx(1.5 + 0.5 * np.arange(101))


def test_random_arrivals_wait_as_long_as_theory_says() -> None:
    rng = np.random.default_rng(1)
    count, work_s, load = 200_000, 1.0, 0.7
    times = np.cumsum(rng.exponential(work_s / load, count))
    arrivals = Arrivals(times, np.zeros(count, np.intp))
    outcome = simulate(arrivals, 1, np.array([work_s]), Fleet(1, 1, interval_s=300.0), seed=0)
    # Pollaczek-Khinchine for constant work: mean wait = load * work / (2 * (1 - load)).
    wait = load * work_s / (2 * (1 - load))
    assert outcome.lags_s.mean() == pytest.approx(work_s + wait, rel=0.05)


def test_two_workers_share_the_partitions() -> None:
    arrivals = evenly(1.0, 400, 4)
    slow = simulate(arrivals, 4, np.array([1.8]), Fleet(1, 1), seed=0)
    fast = simulate(arrivals, 4, np.array([1.8]), Fleet(2, 2), seed=0)
    assert slow.lag_s(100) > 300
    assert fast.lag_s(100) < 5


def test_the_autoscaler_follows_demand_up_and_down() -> None:
    rush = np.concatenate((np.arange(300.0) * 0.25, 2000 + np.arange(100.0) * 30))
    arrivals = Arrivals(rush, np.arange(len(rush)) % 12)
    fixed = simulate(arrivals, 12, np.array([1.0]), Fleet(1, 1), seed=0)
    scaled = simulate(arrivals, 12, np.array([1.0]), Fleet(1, 12), seed=0)
    assert scaled.workers.max() >= 4
    assert scaled.workers[-1] == 1
    assert scaled.lag_s(99) < fixed.lag_s(99) / 1.5
    assert not np.isnan(scaled.lags_s).any()


def test_more_workers_than_partitions_are_refused() -> None:
    with pytest.raises(ValueError, match="would idle"):
        simulate(evenly(1.0, 2, 1), 1, np.array([1.0]), Fleet(1, 2), seed=0)


def test_a_day_has_its_hours_and_its_rush() -> None:
    day = working_day(1000.0, 60.0, 24, seed=1)
    assert len(day.times_s) == pytest.approx(60_000, rel=0.05)
    assert (np.diff(day.times_s) >= 0).all()
    assert set(np.unique(day.partitions)) == set(range(24))
    # A quarter after the hour more meetings run than just before it.
    minute = (day.times_s % 3600) // 60
    assert (minute == 15).sum() > 1.3 * (minute == 59).sum()
