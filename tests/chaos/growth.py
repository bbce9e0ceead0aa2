"""Whether a process grows: its memory and open files, sampled while the storm goes on."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_EVERY_S = 5.0
_WARM_UP = 0.2  # of the samples: caches fill, threads start
_LEAST_SAMPLES = 40


@dataclass(frozen=True, slots=True)
class _Sample:
    pid: int
    rss_mb: float
    files: int


class Growth(threading.Thread):
    """Samples the process that `pid` names, until `finish`."""

    def __init__(self, pid: Callable[[], int | None]) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._over = threading.Event()
        self._samples: list[_Sample] = []

    def run(self) -> None:
        """A sample every five seconds."""
        while not self._over.wait(_EVERY_S):
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
        own = [s for s in self._samples if s.pid == self._samples[-1].pid]
        own = own[int(len(own) * _WARM_UP) :]
        if len(own) < _LEAST_SAMPLES:
            return {"samples": len(own)}
        return {
            "minutes": round(len(own) * _EVERY_S / 60, 1),
            "rss_mb": _line([s.rss_mb for s in own]),
            "open_files": _line([float(s.files) for s in own]),
        }


def _sample(pid: int) -> _Sample:
    process = Path("/proc") / str(pid)
    (line,) = [
        line for line in (process / "status").read_text().splitlines() if line.startswith("VmRSS:")
    ]
    files = sum(1 for _ in (process / "fd").iterdir())
    return _Sample(pid, int(line.split()[1]) / 1024, files)


def _line(values: Sequence[float]) -> str:
    hours = np.arange(len(values)) * _EVERY_S / 3600
    slope, start = np.polyfit(hours, values, 1)
    noise = float(np.std(np.asarray(values) - (start + slope * hours)))
    end = start + slope * hours[-1]
    return f"{start:.1f} to {end:.1f}, {slope:+.1f} an hour, noise {noise:.1f}"
