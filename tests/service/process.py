"""The service as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.waiting import PATIENCE_S


class ServiceProcess:
    """`python -m consumer run` with these settings; killed at the end if it still runs."""

    def __init__(
        self, environment: Mapping[str, str], log: Path, *, module: str = "consumer"
    ) -> None:
        self.log = log
        self._earlier = log.stat().st_size if log.exists() else 0
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, "run"],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Its exit code, once it ends by itself; minus the signal when one killed it."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running; its log:\n{self.said()[-4000:]}") from None

    def terminate(self, timeout_s: float = PATIENCE_S) -> int:
        """SIGTERM once it has said something, and its exit code.

        Before its first line Python may still be importing, with no handler to make it exit 0.
        """
        deadline = time.monotonic() + timeout_s
        while self.running and self.log.stat().st_size == self._earlier:
            assert time.monotonic() < deadline, "not a line in its log"
            time.sleep(0.05)
        self._process.send_signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait()

    def said(self) -> str:
        """The log so far."""
        return self.log.read_text(errors="replace")

    def await_line(self, text: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until the log contains `text`."""
        deadline = time.monotonic() + timeout_s
        while text not in self.said():
            assert self.running, f"ended with {self._process.poll()}:\n{self.said()[-4000:]}"
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.said()[-4000:]}"
            time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.running:
            self.kill()
