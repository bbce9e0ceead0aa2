"""The inside of one decoder process. Started by the pool: `python -m consumer.audio.worker ...`.

It decodes bytes that nobody vouches for, so it is limited by the kernel, gets no credentials in
its environment, and answers in JSON and raw samples: nothing it says is unpickled.
"""

import importlib
import json
import math
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from typing import Any


@dataclass(frozen=True)
class WorkerLimits:
    """What one decoder process may use: `cpu_s` and `wall_s` per chunk, address space in all."""

    cpu_s: float = 30.0
    memory_bytes: int = 2 * 1024**3
    wall_s: float = 60.0


def command(
    descriptor: int, decoder: str, limits: WorkerLimits, decode_limits: dict[str, Any]
) -> list[str]:
    """The command line of a worker that talks over `descriptor`."""
    arguments = [str(descriptor), decoder, json.dumps(asdict(limits)), json.dumps(decode_limits)]
    return [sys.executable, "-m", "consumer.audio.worker", *arguments]


def main(descriptor: str, decoder: str, limits_json: str, decode_limits_json: str) -> None:
    """Answer tasks until the other end closes."""
    limits = WorkerLimits(**json.loads(limits_json))
    _confine(limits)
    connection = Connection(int(descriptor))
    try:
        decode = _load(decoder, json.loads(decode_limits_json))
    except Exception as error:
        _answer(connection, fault=f"{type(error).__name__}: {error}")
        return
    _answer(connection, ready=True)
    while True:
        try:
            task = json.loads(connection.recv_bytes())
            data = connection.recv_bytes()
        except EOFError:
            return
        _begin(limits)
        _serve(connection, decode, data, task["channel"], limits)
        signal.setitimer(signal.ITIMER_REAL, 0)


def _confine(limits: WorkerLimits) -> None:
    # The parent decides when to stop: signals meant for it may reach the whole group of processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # a decoder writes no files


def _begin(limits: WorkerLimits) -> None:
    """Give the task its own CPU time: the kernel counts over the life of the process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    until = math.ceil(usage.ru_utime + usage.ru_stime + limits.cpu_s)
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))
    # The pool kills what takes too long. Should the pool itself be gone, this does.
    signal.setitimer(signal.ITIMER_REAL, limits.wall_s + 1)


def _load(decoder: str, decode_limits: dict[str, Any]) -> Callable[..., Any]:
    from consumer.audio.decode import DecodeLimits

    module, _, name = decoder.partition(":")
    function = getattr(importlib.import_module(module), name)
    limits = DecodeLimits(**decode_limits)
    return lambda data, channel: function(data, channel=channel, limits=limits)


def _serve(
    connection: Connection,
    decode: Callable[..., Any],
    data: bytes,
    channel: int | None,
    limits: WorkerLimits,
) -> None:
    from consumer.errors import PermanentError

    try:
        waveform = decode(data, channel)
    except PermanentError as error:
        _answer(connection, reason=error.reason.value, message=str(error))
    except MemoryError:
        _answer(connection, fault=f"needed more than {limits.memory_bytes} bytes of memory")
    except Exception as error:
        _answer(connection, fault=f"{type(error).__name__}: {error}")
    else:
        _answer(connection, samples=len(waveform))
        connection.send_bytes(waveform)


def _answer(connection: Connection, **answer: Any) -> None:
    connection.send_bytes(json.dumps(answer).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
