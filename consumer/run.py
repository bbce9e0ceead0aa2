"""The life of the process: start, work, stop, and the code it ends with."""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

import structlog

from consumer import watchdog
from consumer.allocator import hold_little
from consumer.assembly import Assembly, assemble, telemetry
from consumer.errors import ExitCode, FatalError, TransientError
from consumer.settings import Settings
from consumer.telemetry.info import info
from consumer.telemetry.server import TelemetryServer
from consumer.telemetry.telemetry import Telemetry

log = structlog.get_logger(__name__)

T = TypeVar("T")

# How long a thread that returns from a call (to a broker, into torch) waits for one that computes.
# Python's 5 ms, some six times in a transaction, are longer than the transaction itself.
_SWITCH_S = 0.001
# Objects more than at the last look for cycles. Python's 700 is a few chunks' results, all of which
# are still wanted. `hold_little` looks as well.
_GARBAGE_AFTER = 50_000
_OWNER_LIMIT_S = 90.0  # several times the longest bounded thing the owner loop does
_CLOSE_S = 5.0
_START_RETRY_S = 2.0


def run(settings: Settings) -> ExitCode:
    """Run the service until SIGTERM or SIGINT, or until it cannot go on."""
    stopping = threading.Event()
    stop: list[Callable[[], None]] = [stopping.set]

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        for ask in stop:
            ask()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    hold_little()
    sys.setswitchinterval(_SWITCH_S)
    gc.set_threshold(_GARBAGE_AFTER)
    try:
        seen = telemetry(settings)
        stop.append(seen.stops)
        _serve(settings, seen)
        assembly = _waiting_for(lambda: assemble(settings, seen), stopping)
        if assembly is None:
            return ExitCode.OK
        seen.loaded(assembly.engine.models)
        stop.append(assembly.service.stop)
        _waiting_for(lambda: assembly.committer.start(settings.transaction_timeout_s), stopping)
        if not stopping.is_set():
            log.info("started", models=assembly.engine.models.diarization, group=settings.group_id)
            watchdog.watch(lambda: assembly.service.last_turn, _OWNER_LIMIT_S)
            gc.collect()
            gc.freeze()  # models and modules stay: they need not be looked through again
            assembly.service.run()
        _close(assembly, seen)
        log.info("stopped")
        return ExitCode.OK
    except FatalError as error:
        log.critical("fatal", exit_code=int(error.code), code=error.code.name, message=str(error))
        return error.code
    except Exception:
        log.critical("internal_error", exit_code=int(ExitCode.INTERNAL), exc_info=True)
        return ExitCode.INTERNAL


def exit_with(code: ExitCode) -> None:
    """End the process now: threads that hang must not keep it."""
    os._exit(code)


def _serve(settings: Settings, seen: Telemetry) -> None:
    if settings.metrics_port:
        TelemetryServer(
            settings.metrics_host,
            settings.metrics_port,
            seen.metrics.registry,
            seen.health,
            lambda: info(settings, seen.models),
        )


def _waiting_for(action: Callable[[], T], stopping: threading.Event) -> T | None:
    """Try until the infrastructure is there; None when asked to stop meanwhile."""
    while not stopping.is_set():
        try:
            return action()
        except TransientError as error:
            log.warning("waiting_to_start", why=str(error))
            stopping.wait(_START_RETRY_S)
    return None


def _close(assembly: Assembly, seen: Telemetry) -> None:
    """Leave the group and free everything, within a deadline: close() has been seen to hang."""

    def close() -> None:
        assembly.consumer.close()
        assembly.pipeline.close(_CLOSE_S)
        assembly.engine.close()
        seen.close()

    closer = threading.Thread(target=close, name="closer", daemon=True)
    closer.start()
    closer.join(2 * _CLOSE_S)
    if closer.is_alive():
        log.warning("close_timed_out", seconds=2 * _CLOSE_S, at=time.monotonic())
