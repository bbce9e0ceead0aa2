"""Whether a process grows: its memory and open files, sampled while the storm goes on."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_WARM_UP = 0.2  # of the samples: caches fill, threads start
_LEAST_SAMPLES = 40


@dataclass(frozen=True, slots=True)
class _Sample:
    pid: int
    rss_mb: float
    files: int


class Growth(threading.Thread):
    """Samples the process that `pid` names, until `finish`."""

    def __init__(self, pid: Callable[[], int | None], every_s: float = 5.0) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._every_s = every_s
        self._over = threading.Event()
        self._samples: list[_Sample] = []

    def run(self) -> None:
        """A sample every so often."""
        while not self._over.wait(self._every_s):
            number = self._pid()
            try:
                if number is not None:
                    self._samples.append(_sample(number))
            except (OSError, ValueError):  # it has just ended
                continue

    def finish(self) -> None:
        """Stop sampling."""
        self._over.set()
        self.join()

    def report(self) -> dict[str, object]:
        """The last process's start, end, slope an hour, and noise around that slope.

        The noise is the standard deviation of what the line leaves over.
        """
        own = self._own()
        if len(own) < _LEAST_SAMPLES:
            return {"samples": len(own)}
        return {
            "minutes": round(len(own) * self._every_s / 60, 1),
            "rss_mb": self._line([s.rss_mb for s in own]).text,
            "open_files": self._line([float(s.files) for s in own]).text,
        }

    @property
    def grown_mb(self) -> float | None:
        """From the line's start to its end; None with too few samples for a line."""
        own = self._own()
        return self._line([s.rss_mb for s in own]).grown if len(own) >= _LEAST_SAMPLES else None

    def _own(self) -> list[_Sample]:
        own = [s for s in self._samples if s.pid == self._samples[-1].pid]
        return own[int(len(own) * _WARM_UP) :]

    def _line(self, values: Sequence[float]) -> "_Line":
        hours = np.arange(len(values)) * self._every_s / 3600
        slope, start = np.polyfit(hours, values, 1)
        noise = float(np.std(np.asarray(values) - (start + slope * hours)))
        return _Line(start, start + slope * hours[-1], slope, noise)


@dataclass(frozen=True, slots=True)
class _Line:
    start: float
    end: float
    slope: float  # an hour
    noise: float

    @property
    def grown(self) -> float:
        return float(self.end - self.start)  # numpy's own truth cannot be written as JSON

    @property
    def text(self) -> str:
        return (
            f"{self.start:.1f} to {self.end:.1f}, {self.slope:+.1f} an hour, noise {self.noise:.1f}"
        )


def _sample(pid: int) -> _Sample:
    process = Path("/proc") / str(pid)
    (line,) = [
        line for line in (process / "status").read_text().splitlines() if line.startswith("VmRSS:")
    ]
    files = sum(1 for _ in (process / "fd").iterdir())
    return _Sample(pid, int(line.split()[1]) / 1024, files)
