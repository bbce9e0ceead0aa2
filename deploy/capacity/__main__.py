"""`python -m deploy.capacity`: a working day for a number of workers, from measured costs.

Reads what a chunk of 60 s costs from build/bench/results.json (`make bench`), or takes it from
--work-s. Times are of one worker with one thread.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from deploy.capacity.day import working_day
from deploy.capacity.simulation import Fleet, simulate

CHUNK_S = 60.0
RESULTS = Path("build/bench/results.json")
_SPARE = (1.0, 1.25, 1.5)  # fixed fleets, by the busiest hour's need
_BUSIEST_HOUR = 0.14  # share of a day's meetings


def main() -> int:
    """Print the table; exit status 2 without costs."""
    parser = argparse.ArgumentParser(prog="python -m deploy.capacity", description=__doc__)
    parser.add_argument("--hours", type=float, default=1000.0, help="recorded in the day")
    parser.add_argument("--work-s", type=float, nargs="+", help="seconds of work of a 60 s chunk")
    asked = parser.parse_args()
    work = asked.work_s or _measured()
    if not work:
        print(f"{RESULTS} has no costs: run `make bench`, or give --work-s", file=sys.stderr)
        return 2
    stage_s = np.array(work)
    busiest = asked.hours * _BUSIEST_HOUR * 3600 / CHUNK_S * stage_s.mean() / 3600
    least = max(1, round(busiest))
    partitions = 4 * least
    console = Console()
    console.print(
        f"{asked.hours:g} recorded hours, {stage_s.mean():.2f} s of work a chunk: the busiest hour "
        f"needs {busiest:.1f} workers; {partitions} partitions"
    )
    arrivals = working_day(asked.hours, CHUNK_S, partitions, seed=1)
    table = Table("fleet", "workers", "busy", "lag p50", "p95", "p99", "longest")
    fleets = {
        f"fixed, {spare:g} x the busiest hour": Fleet(round(least * spare), round(least * spare))
        for spare in _SPARE
    }
    fleets["autoscaler"] = Fleet(max(1, least // 10), partitions)
    for name, fleet in fleets.items():
        outcome = simulate(arrivals, partitions, stage_s, fleet, seed=2)
        lags = [f"{outcome.lag_s(p):.0f} s" for p in (50, 95, 99, 100)]
        table.add_row(name, _spread(outcome.workers), f"{outcome.busy_share:.0%}", *lags)
    console.print(table)
    return 0


def _spread(workers: NDArray[np.intp]) -> str:
    least, most = workers.min(), workers.max()
    return f"{least}" if least == most else f"{least} to {most}"


def _measured() -> list[float]:
    if not RESULTS.exists():
        return []
    part = json.loads(RESULTS.read_text())["parts"].get("engine_vs_reference_full")
    if part is None:
        return []
    runs = part["seconds_per_run"]["engine, auto"]["cpu_s"]
    return [run / part["chunks"] for run in runs]


if __name__ == "__main__":
    sys.exit(main())
