"""A call that comes when something lasts too long."""

import time
from collections.abc import Callable
from threading import Condition, Thread


class Alarm:
    """Calls `ring` from a thread of its own, at the time that was set, unless it is cleared before.

    One thread for all of its times. A thread for each chunk costs 84 us of processor time (this 1),
    beside some 700 for the rest of its way through the service.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._changed = Condition()
        self._due: float | None = None
        self._wakes: float | None = None  # when the thread will look, at the latest
        self._closed = False
        self.rang = False
        Thread(target=self._run, name="alarm", daemon=True).start()

    def set(self, seconds: float) -> None:
        """Ring after `seconds`."""
        with self._changed:
            self._due = time.monotonic() + seconds
            if self._wakes is None or self._due < self._wakes:
                self._changed.notify()

    def clear(self) -> None:
        """Do not ring: once this returns, it does not."""
        with self._changed:
            self._due = None

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                if self._due is not None and now >= self._due:
                    self._due, self.rang = None, True
                    self._ring()
                self._wakes = self._due
                self._changed.wait(None if self._due is None else self._due - now)
