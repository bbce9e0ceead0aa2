"""Whether a process grows: its memory and open files, sampled while the storm goes on."""

import csv
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from tests.chaos.samples import Sample, draw, sample

_WARM_UP = 0.2  # of the samples: caches fill, threads start
_LEAST_SAMPLES = 40


class Growth(threading.Thread):
    """Samples the process that `pid` names until `finish`; keeps the samples in the file `kept`,
    and a picture beside it.
    """

    def __init__(self, pid: Callable[[], int | None], kept: Path, every_s: float = 5.0) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._kept = kept
        self._every_s = every_s
        self._over = threading.Event()
        self._samples: list[Sample] = []

    def run(self) -> None:
        """A sample every so often, each kept at once."""
        began = time.monotonic()
        with self._kept.open("w", newline="") as file:
            rows = csv.DictWriter(file, [field.name for field in fields(Sample)])
            rows.writeheader()
            while not self._over.wait(self._every_s):
                number = self._pid()
                try:
                    if number is None:
                        continue
                    taken = sample(number, time.monotonic() - began)
                except (OSError, KeyError):  # it has just ended
                    continue
                self._samples.append(taken)
                rows.writerow(asdict(taken))
                file.flush()

    def finish(self) -> None:
        """Stop sampling."""
        self._over.set()
        self.join()
        draw(self._samples, self._kept.with_suffix(".png"))

    def report(self) -> dict[str, object]:
        """The last process's start, end, slope an hour, and noise around that slope.

        The noise is the standard deviation of what the line leaves over.
        """
        lines = self._lines()
        if lines is None:
            return {"samples": len(self._samples)}
        return {
            "minutes": round(lines.hours * 60, 1),
            "rss_mb": lines.rss_mb.text,
            "open_files": lines.open_files.text,
            "flat": self.flat,
        }

    @property
    def grown_mb(self) -> float | None:
        """From the line's start to its end; None with too few samples for a line."""
        lines = self._lines()
        return None if lines is None else lines.rss_mb.grown

    @property
    def flat(self) -> bool | None:
        """Whether neither line rises by more than its noise; None with too few samples."""
        lines = self._lines()
        return None if lines is None else lines.rss_mb.flat and lines.open_files.flat

    def _lines(self) -> "_Lines | None":
        own = [s for s in self._samples if s.pid == self._samples[-1].pid]
        own = own[int(len(own) * _WARM_UP) :]
        if len(own) < _LEAST_SAMPLES:
            return None
        hours = [(s.seconds - own[0].seconds) / 3600 for s in own]
        return _Lines(
            hours[-1],
            _line(hours, [s.rss_mb for s in own]),
            _line(hours, [float(s.open_files) for s in own]),
        )


@dataclass(frozen=True, slots=True)
class _Line:
    start: float
    end: float
    slope: float  # an hour
    noise: float

    @property
    def grown(self) -> float:
        return self.end - self.start

    @property
    def flat(self) -> bool:
        return round(self.grown, 2) <= round(self.noise, 2)  # samples have no more decimals

    @property
    def text(self) -> str:
        return (
            f"{self.start:.1f} to {self.end:.1f}, {self.slope:+.1f} an hour, noise {self.noise:.1f}"
        )


@dataclass(frozen=True, slots=True)
class _Lines:
    hours: float
    rss_mb: _Line
    open_files: _Line


def _line(hours: Sequence[float], values: Sequence[float]) -> _Line:
    slope, start = (float(each) for each in np.polyfit(hours, values, 1))  # numpy's is no JSON
    noise = float(np.std(np.asarray(values) - start - slope * np.asarray(hours)))
    return _Line(start, start + slope * hours[-1], slope, noise)
