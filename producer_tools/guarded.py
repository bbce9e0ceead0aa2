"""A child process that never outlives the process that started it.

Brokers, and the service in the demo, must be gone afterwards whatever happens: a clean exit, an
exception, Ctrl-C, and also `kill -9`, after which no `finally` runs. Linux has
PR_SET_PDEATHSIG for that, macOS has nothing; so the command runs under a small guard process
which watches its own parent process id and kills the command when that changes. The guard uses
the standard library alone and starts in about 20 ms.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_WATCH_S = 0.2  # how long an orphan may live


class GuardedProcess:
    """Runs `command` with its standard output and error appended to `log`.

    The command has a session of its own, so a Ctrl-C in the terminal reaches only this process,
    which then stops the command in its own order.

    Raises `OSError` when the command cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._guard = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    __file__,
                    str(os.getpid()),
                    *(str(part) for part in command),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                env=env,
                cwd=cwd,
                start_new_session=True,
            )
        assert self._guard.stdout is not None
        report = self._guard.stdout.readline().strip()
        self._guard.stdout.close()
        if not report.isdigit():
            self._guard.wait()
            raise OSError(f"cannot start {command[0]}: {report.decode(errors='replace')}")
        self.pid = int(report)
        """Process id of the command itself (not of its guard)."""

    def poll(self) -> int | None:
        """The exit status, negative for a signal as in `subprocess`; None while it runs."""
        status = self._guard.poll()
        return 128 - status if status is not None and status > 128 else status

    def becomes(self, ready: Callable[[], bool], within_s: float) -> bool:
        """Wait until `ready()`; False when the command ends or the time is over before."""
        deadline = time.monotonic() + within_s
        while self.poll() is None and time.monotonic() < deadline:
            if ready():
                return True
            time.sleep(0.05)
        return False

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the command; nothing happens when it has ended."""
        # The guard reaps the command and ends at once, so the id is not reused while it runs.
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def suspend(self) -> None:
        """SIGSTOP, and wait until it holds: connections stay open and nothing answers.

        Linux stops the threads one after another; of eighty, one may still answer a request.
        """
        self.send_signal(signal.SIGSTOP)
        while self.poll() is None and not all(
            map(_stopped, Path(f"/proc/{self.pid}/task").glob("*"))
        ):
            time.sleep(0.001)

    def resume(self) -> None:
        """SIGCONT, after `suspend`."""
        self.send_signal(signal.SIGCONT)

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for the end; raises `subprocess.TimeoutExpired`."""
        self._guard.wait(timeout_s)
        status = self.poll()
        assert status is not None
        return status

    def stop(self, grace_s: float = 10.0) -> int:
        """SIGTERM, then SIGKILL after `grace_s`. Returns the exit status."""
        self.send_signal(signal.SIGCONT)  # a suspended process would not see the SIGTERM
        self.send_signal(signal.SIGTERM)
        try:
            return self.wait(grace_s)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """SIGKILL. Returns the exit status."""
        self.send_signal(signal.SIGKILL)
        return self.wait()

    def log_tail(self, lines: int = 20) -> str:
        """The last lines the command wrote, for error messages."""
        text = self.log.read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _stopped(thread: Path) -> bool:
    """Whether a thread of /proc is stopped; one that has ended is."""
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0] in "TZX"
    except OSError:
        return True


def _guard(parent: int, command: Sequence[str]) -> int:
    """Run `command` until it ends or `parent` is gone; the pid goes to standard output."""
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    except OSError as error:
        print(error.strerror, flush=True)
        return 127
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    print(child.pid, flush=True)
    while True:
        try:
            status = child.wait(_WATCH_S)
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                child.kill()
        else:
            return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(_guard(int(sys.argv[1]), sys.argv[2:]))
