"""Threads that take work from one queue."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

Work = Callable[[], None]


class Workers:
    """What a ThreadPoolExecutor does, for work whose outcome nobody asks for.

    A future, its lock and its condition for every hand-over cost more than the hand-over. Work must
    not raise.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._closing = False
        self._threads = threads
        for number in range(threads):
            # Daemons: one that hangs in a store must not keep the process.
            threading.Thread(target=self._run, name=f"{name}_{number}", daemon=True).start()

    def submit(self, work: Work) -> None:
        """Have `work` done, after what was submitted before. Called from any thread."""
        self._queue.put(work)

    def close(self) -> None:
        """End the threads after what they have in hand; the rest is dropped. Does not wait."""
        self._closing = True
        for _ in range(self._threads):
            self._queue.put(None)

    def _run(self) -> None:
        while True:
            work = self._queue.get()
            if work is None or self._closing:
                return
            work()
