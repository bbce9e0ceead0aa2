"""Ends the process when the owner loop itself hangs, since then nothing else can."""

import faulthandler
import os
import threading
import time
from collections.abc import Callable

import structlog

from consumer.errors import ExitCode

log = structlog.get_logger(__name__)

_CHECK_S = 1.0


def watch(last_turn: Callable[[], float], limit_s: float) -> None:
    """Start a thread that ends the process once `last_turn` (monotonic) is `limit_s` old.

    Counted from now at the earliest: waiting for the brokers to start with is no turn of the loop.
    """
    began = time.monotonic()

    def run() -> None:
        while (age_s := time.monotonic() - max(began, last_turn())) < limit_s:
            time.sleep(_CHECK_S)
        log.critical(
            "owner_loop_stalled",
            exit_code=int(ExitCode.STALLED),
            message=f"the owner loop has not turned for {age_s:.0f} s",
        )
        faulthandler.dump_traceback()  # where every thread stands: to standard error
        os._exit(ExitCode.STALLED)

    threading.Thread(target=run, name="watchdog", daemon=True).start()
