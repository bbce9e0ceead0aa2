"""Workers and their queues over a day: replayed stage times, partitions, an autoscaler."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deploy.capacity.day import Arrivals


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many workers there may be, and how the autoscaler decides.

    Every `interval_s` it asks for as many workers as would answer what waits, and what is likely
    to come meanwhile, within `target_s`; as an autoscaler on consumer lag does. Fewer only after
    the demand has been lower for `patience_s`. A new worker needs `start_s` (image, models); a
    partition that moves stands still for `move_s`. `least` equal to `most` is a fixed fleet.
    """

    least: int
    most: int
    interval_s: float = 30.0
    target_s: float = 60.0
    patience_s: float = 600.0
    start_s: float = 60.0
    move_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the day was like. `lags_s` are from a chunk's arrival to its answer."""

    lags_s: NDArray[np.float64]
    workers: NDArray[np.intp]  # at each decision
    busy_share: float  # of the workers' time

    def lag_s(self, percentile: float) -> float:
        """A percentile of the lags."""
        return float(np.percentile(self.lags_s, percentile))


def simulate(
    arrivals: Arrivals, partitions: int, stage_s: NDArray[np.float64], fleet: Fleet, *, seed: int
) -> Outcome:
    """Replay `stage_s`, measured seconds of work of chunks, for every chunk that arrives.

    A worker answers its partitions' chunks in the order they arrived, one after the other: stages
    before inference run ahead of it, so the longest stage is what counts.
    """
    if fleet.most > partitions:
        raise ValueError(f"{fleet.most} workers, but {partitions} partitions: the rest would idle")
    times = arrivals.times_s
    work = np.random.default_rng(seed).choice(stage_s, len(times))
    done = np.full(len(times), np.nan)
    free = np.zeros(partitions)  # when a partition's worker may go on with it
    waiting = np.zeros(0, np.intp)
    workers, calm_since = fleet.least, -math.inf
    history, paid_s, arrived = [], 0.0, 0
    now = math.floor(times[0] / fleet.interval_s) * fleet.interval_s
    while arrived < len(times) or len(waiting):
        end = now + fleet.interval_s
        upto = int(np.searchsorted(times, end))
        waiting = np.concatenate((waiting, np.arange(arrived, upto)))
        fresh, arrived = upto - arrived, upto
        owners = arrivals.partitions[waiting] % workers
        left = []
        by_owner = waiting[np.argsort(owners, kind="stable")]
        begin = np.searchsorted(np.sort(owners), np.arange(workers + 1))
        for owner in np.flatnonzero(np.diff(begin)):
            mine = by_owner[begin[owner] : begin[owner + 1]]
            finished = _finish(times[mine], work[mine], free[owner::workers].max())
            begun = finished - work[mine] < end
            done[mine[begun]] = finished[begun]
            if begun.any():
                free[owner::workers] = finished[begun][-1]
            left.append(mine[~begun])
        waiting = np.sort(np.concatenate(left)) if left else waiting
        history.append(workers)
        paid_s += workers * fleet.interval_s
        now = end
        wanted = _wanted(fleet, len(waiting), fresh, float(stage_s.mean()))
        if wanted >= workers:
            calm_since = now
        if wanted > workers or now - calm_since > fleet.patience_s:
            pause = fleet.start_s if wanted > workers else fleet.move_s
            free = _moved(free, workers, wanted, now, pause, fleet.move_s)
            workers, calm_since = wanted, now
    return Outcome(done - times, np.array(history), float(work.sum() / paid_s))


def _finish(
    times: NDArray[np.float64], work: NDArray[np.float64], free: float
) -> NDArray[np.float64]:
    """When one server is done with each (Lindley, 1952): work so far after the last idle moment."""
    total = np.cumsum(work)
    latest_start = np.maximum.accumulate(np.maximum(times, free) - (total - work))
    return np.asarray(total + latest_start)


def _wanted(fleet: Fleet, waiting: int, fresh: int, stage_s: float) -> int:
    """Workers that keep up with what comes, and work what waits off within the target."""
    need = stage_s * (fresh / fleet.interval_s + waiting / fleet.target_s)
    return min(fleet.most, max(fleet.least, math.ceil(need)))


def _moved(
    free: NDArray[np.float64], before: int, after: int, now: float, pause: float, move: float
) -> NDArray[np.float64]:
    """Partitions that change hands stand still; those of a new worker until it has started."""
    partitions = np.arange(len(free))
    old, new = partitions % before, partitions % after
    moved = old != new
    held = np.maximum(free, now + np.where(new >= before, pause, move))
    return np.where(moved, held, free)
