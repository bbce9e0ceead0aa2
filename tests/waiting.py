"""Waiting for what must come, instead of for a time in which it usually has."""

import time
from collections.abc import Callable

# Longer than any of it takes on a machine with other work: only a failure waits so long.
PATIENCE_S = 90.0


def until(
    condition: Callable[[], bool], otherwise: Callable[[], object], within_s: float = PATIENCE_S
) -> None:
    """Return once `condition()` holds; fail with `otherwise()` when it does not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:.0f} s: {otherwise()}")
        time.sleep(0.05)
