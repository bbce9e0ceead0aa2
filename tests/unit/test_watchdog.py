"""An owner loop that hangs ends the process; one that has not begun yet does not."""

import subprocess
import sys

from consumer.errors import ExitCode

CODE = """
import os, sys, threading
from consumer.watchdog import watch
watch(lambda: float("-inf"), float(sys.argv[1]))
(dog,) = [each for each in threading.enumerate() if each.name == "watchdog"]
dog.join(float(sys.argv[2]))
os._exit(0)
"""


def _watched(limit_s: float, for_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CODE, str(limit_s), str(for_s)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_loop_that_does_not_turn_ends_the_process_and_shows_where_it_stands() -> None:
    ended = _watched(0.1, 60)
    assert ended.returncode == ExitCode.STALLED
    assert "has not turned for" in ended.stdout
    assert "most recent call first" in ended.stderr


def test_time_before_the_loop_began_does_not_count() -> None:
    """A process may have waited for its brokers for longer than the limit."""
    assert _watched(3600, 1).returncode == 0
