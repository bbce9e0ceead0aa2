"""A variant in a process of its own: timed there, and gone afterwards."""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.bench.apart import apart
from tests.bench.measure import Taken, interleaved


def working(folder: Path) -> Callable[[], object]:
    """Leaves the process's number, and is a tenth of a second at work."""

    def run() -> None:
        (folder / "pid").write_text(str(os.getpid()))
        began = time.process_time()
        while time.process_time() - began < 0.1:
            pass

    return run


def dying() -> Callable[[], object]:
    """Takes its process along."""
    return partial(os._exit, 1)


def test_it_is_timed_in_a_process_that_is_gone_afterwards(tmp_path: Path) -> None:
    with apart(partial(working, tmp_path)) as run:
        taken = run()
        there = int((tmp_path / "pid").read_text())
        assert there != os.getpid()
        os.kill(there, 0)
    assert taken.cpu_s == pytest.approx(0.1, abs=0.05)
    with pytest.raises(ProcessLookupError):
        os.kill(there, 0)


def test_a_process_that_dies_is_no_figure() -> None:
    with apart(dying) as run, pytest.raises(EOFError):
        run()


def test_what_a_variant_measured_itself_is_what_counts() -> None:
    timings = interleaved({"a": lambda: Taken(7.0, 5.0)}, 1, lambda _: None)
    assert (timings["a"].wall_s, timings["a"].cpu_s) == ((7.0,), (5.0,))
