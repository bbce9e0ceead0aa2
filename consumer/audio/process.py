"""One decoder process as the pool sees it: start, one task at a time, end."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from consumer.audio.alarm import Alarm
from consumer.audio.decode import DecodeLimits
from consumer.audio.worker import WorkerLimits, command
from consumer.errors import PermanentError, Reason
from consumer.inference.results import SAMPLE_RATE, Waveform

_START_S = 60.0  # imports of numpy, soundfile and av on a machine that is busy with other things
_ANSWER_BYTES = 1 << 16
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")


class WorkerDiedError(Exception):
    """The process ended without an answer; `exit_code` is negative for a signal."""

    def __init__(self, exit_code: int, *, timed_out: bool) -> None:
        super().__init__(_cause(exit_code))
        self.exit_code = exit_code
        self.timed_out = timed_out


class DecoderProcess:
    """A fresh interpreter (not a fork: the parent holds threads of torch and librdkafka).

    It inherits one socket and none of the parent's credentials. Used by one thread at a time;
    `kill` may be called from any. Raises WorkerDiedError or RuntimeError if it cannot start.
    """

    def __init__(self, limits: WorkerLimits, decode_limits: DecodeLimits, decoder: str) -> None:
        self._limits = limits
        self._most_samples = int(decode_limits.max_duration_s * SAMPLE_RATE) + SAMPLE_RATE
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                command(theirs.fileno(), decoder, limits, asdict(decode_limits)),
                pass_fds=(theirs.fileno(),),
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # libraries print what their input tells them to
                start_new_session=True,
            )
        self._connection = Connection(ours.detach())
        self._alarm = Alarm(self.kill)
        with self._within(_START_S):
            answer = self._receive()
        if "ready" not in answer:
            self.close()
            raise RuntimeError(str(answer.get("fault")))

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def decode(self, data: bytes, channel: int | None) -> Waveform:
        """Decode there. Raises what the decoder raised, or WorkerDiedError."""
        with self._within(self._limits.wall_s):
            self._connection.send_bytes(json.dumps({"channel": channel}).encode())
            self._connection.send_bytes(data)
            answer = self._receive()
            if "samples" in answer:
                samples = int(answer["samples"])
                if not 0 <= samples <= self._most_samples:
                    raise EOFError  # no decoder of ours says this
                waveform = np.empty(samples, np.float32)
                self._connection.recv_bytes_into(waveform)
                return waveform
        if "reason" in answer:
            raise PermanentError(Reason(answer["reason"]), str(answer["message"]))
        raise PermanentError(Reason.DECODER_CRASHED, f"the decoder {answer.get('fault')}")

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def close(self) -> None:
        """End it and free what it held."""
        self.kill()
        self._process.wait()
        self._alarm.close()
        self._connection.close()

    def _receive(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._connection.recv_bytes(_ANSWER_BYTES))
        return answer

    @contextlib.contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        """Kill the process after `seconds`; turn its end into WorkerDiedError."""
        self._alarm.set(seconds)
        try:
            yield
        except (EOFError, OSError, ValueError):  # its end of the socket closed, or nonsense came
            self._end()
            raise WorkerDiedError(self._process.returncode, timed_out=self._alarm.rang) from None
        finally:
            self._alarm.clear()

    def _end(self) -> None:
        self._alarm.close()
        try:
            self._process.wait(1.0)  # the socket closes a moment before the exit code is there
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    path = os.pathsep.join(entry or str(os.getcwd()) for entry in sys.path)  # noqa: PTH109
    # One thread: a pool of OpenBLAS threads would take most of the address space allowed.
    return {**kept, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def _cause(exit_code: int) -> str:
    if exit_code < 0:
        try:
            return f"died of {signal.Signals(-exit_code).name}"
        except ValueError:
            return f"died of signal {-exit_code}"
    return f"ended with code {exit_code}"
