"""What a process holds at one moment, as Linux tells it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_KB = 1024  # of a MB


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of the file of samples."""

    seconds: float  # since sampling began
    pid: int
    rss_mb: float
    anonymous_mb: float  # of it: heaps and stacks; the rest is code
    threads: int
    open_files: int
    sockets: int
    pipes: int


def sample(pid: int, seconds: float) -> Sample:
    """Raises OSError when the process has just ended, KeyError when it is just ending."""
    process = Path("/proc") / str(pid)
    # Not from `status`, whose figures of memory are summed over the processors only now and then.
    memory = _fields(process / "smaps_rollup")
    kinds = Counter(_kind(each) for each in (process / "fd").iterdir())
    return Sample(
        seconds=round(seconds, 1),
        pid=pid,
        rss_mb=_mb(memory["Rss"]),
        anonymous_mb=_mb(memory["Anonymous"]),
        threads=int(_fields(process / "status")["Threads"]),
        open_files=kinds.total(),
        sockets=kinds["socket"],
        pipes=kinds["pipe"],
    )


def draw(samples: Sequence[Sample], path: Path) -> None:
    """Memory, and what else it holds, over time: a step looks different from growth."""
    from matplotlib.figure import Figure  # late: half a second

    minutes = [each.seconds / 60 for each in samples]
    figure = Figure(figsize=(11, 4), layout="constrained")
    memory, counts = figure.subplots(1, 2)
    for axes, names in (
        (memory, ("rss_mb", "anonymous_mb")),
        (counts, ("open_files", "sockets", "pipes", "threads")),
    ):
        for name in names:
            axes.plot(minutes, [getattr(each, name) for each in samples], label=name)
        axes.set(xlabel="minutes", ylim=(0, None))
        axes.legend()
    figure.savefig(path, dpi=110)


def _kind(file: Path) -> str:
    try:
        return str(file.readlink()).partition(":")[0]
    except FileNotFoundError:  # closed meanwhile
        return "closed"


def _fields(file: Path) -> dict[str, str]:
    pairs = (line.partition(":") for line in file.read_text().splitlines())
    return {name: value.strip() for name, _, value in pairs}


def _mb(kilobytes: str) -> float:
    return round(int(kilobytes.removesuffix(" kB")) / _KB, 2)
