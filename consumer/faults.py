"""Named points at which a test can kill the process, to prove what survives.

Armed by the environment variable `SPEAKERSTREAM_FAULT=point:n`: the n-th time the point is passed
the process is killed with SIGKILL, as a lost machine would. Unarmed, a point costs one comparison.

`in_commit` lies inside one blocking call of the client library: there the kill comes from a thread,
zero to four milliseconds (n modulo 5) after the call began.
"""

import os
import signal
import threading
from typing import Literal

Point = Literal[
    "after_poll",
    "after_fetch",
    "after_inference",
    "after_begin",
    "after_produce",
    "after_send_offsets",
    "in_commit",
    "in_revoke",
    "in_dead_letter",
]

_armed, _, _times = os.environ.get("SPEAKERSTREAM_FAULT", "").partition(":")
_nth = int(_times or 1)
_passed = 0


def point(name: Point) -> None:
    """Die here if a test asked for it."""
    if name == _armed:
        _pass()


def _pass() -> None:
    global _passed
    _passed += 1
    if _passed < _nth:
        return
    if _armed == "in_commit":
        threading.Timer(_nth % 5 / 1000, _die).start()
    else:
        _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
