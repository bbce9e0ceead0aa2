"""Timing of variants in turn, so that what else the machine does falls on all of them alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds of one run: on the clock, and of processor time in the process that ran it."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one variant, a run each: on the clock, and of processor time in its process."""

    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...]

    @property
    def median_s(self) -> float:
        """Median on the clock."""
        return statistics.median(self.wall_s)

    def summary(self) -> dict[str, Any]:
        """For the results."""
        return {
            "median_s": self.median_s,
            "least_s": min(self.wall_s),
            "most_s": max(self.wall_s),
            "cpu_median_s": statistics.median(self.cpu_s),
            "wall_s": list(self.wall_s),
            "cpu_s": list(self.cpu_s),
        }


def interleaved(
    variants: Mapping[str, Callable[[], object]], rounds: int, say: Say
) -> dict[str, Timing]:
    """Run the variants A B A B ..., `rounds` times, after one round that warms up.

    A variant that gives back a `Taken` has measured itself (`tests.bench.apart`).
    """
    wall: dict[str, list[float]] = {name: [] for name in variants}
    cpu: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name, run in variants.items():
            began, began_cpu = time.perf_counter(), time.process_time()
            found = run()
            here = Taken(time.perf_counter() - began, time.process_time() - began_cpu)
            taken = found if isinstance(found, Taken) else here
            say(f"{name}: {taken.wall_s:.2f} s" + (" (warm-up)" if number == 0 else ""))
            if number:
                wall[name].append(taken.wall_s)
                cpu[name].append(taken.cpu_s)
    return {name: Timing(tuple(wall[name]), tuple(cpu[name])) for name in variants}


def ratio(of: Timing, to: Timing) -> dict[str, float]:
    """How many times longer `of` takes than `to`: of the medians, and the spread by rounds.

    `cpu` is the same by processor time: on a busy machine the steadier of the two.
    """
    each = [a / b for a, b in zip(of.wall_s, to.wall_s, strict=True)]
    return {
        "ratio": of.median_s / to.median_s,
        "lowest": min(each),
        "highest": max(each),
        "cpu": statistics.median(of.cpu_s) / statistics.median(to.cpu_s),
    }
