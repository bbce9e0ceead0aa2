"""A deadline for calls of the client library that have none, or do not keep the one they are given.

`Consumer.commit` waits for the group's coordinator without bound. So does
`Producer.send_offsets_to_transaction`: librdkafka notes the timeout of a request that has to find a
coordinator first (rdkafka_coord.c, `creq_ts_timeout`) and never looks at it, and it goes on waiting
for the next change of a broker's state once that search has failed three times.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

from consumer.errors import TransientError

T = TypeVar("T")


class Deadline(Generic[T]):
    """One call at a time, in a thread of its own; its caller waits no longer than it says.

    For one thread. A call that has outlasted its caller's patience goes on: waiting is resumed, the
    call is not made again.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._answer: Future[T] | None = None

    @property
    def under_way(self) -> bool:
        """Whether a call has been begun whose outcome nobody has been told."""
        return self._answer is not None

    def begin(self, call: Callable[[], T], timeout_s: float) -> T:
        """The outcome of `call`.

        Raises what the call raises; TransientError when it has not ended in time: then `resume`.
        """
        self._answer = Future()
        # No pool: its threads are joined when the interpreter ends, and this one may never end.
        threading.Thread(
            target=_settle, args=(self._answer, call), name=self._what, daemon=True
        ).start()
        return self.resume(timeout_s)

    def resume(self, timeout_s: float) -> T:
        """Wait on for the outcome of the call under way. Raises as `begin` does."""
        assert self._answer is not None
        if not wait([self._answer], timeout_s).done:
            raise TransientError(f"the broker did not answer in time: {self._what}")
        answer, self._answer = self._answer, None
        return answer.result()


def _settle(answer: "Future[T]", call: Callable[[], T]) -> None:
    try:
        answer.set_result(call())
    except Exception as raised:
        answer.set_exception(raised)
    finally:
        del answer, call  # or the exception would hold, by its traceback, what holds it
