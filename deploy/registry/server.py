"""Apicurio Registry, which speaks the Confluent API, for as long as a `with` block."""

import tempfile
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.maven import deliver
from producer_tools.guarded import GuardedProcess
from producer_tools.loopback import free_port

_JVM = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_READY_S = 90.0


class SchemaRegistryError(RuntimeError):
    """The registry did not start; the message holds its last lines."""


class SchemaRegistry:
    """A registry on a free loopback port, in memory; `url` is what clients are given.

    Entering raises `SchemaRegistryError`, or `deploy.maven.MavenError` when the program cannot
    be had.
    """

    def __init__(self) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/apis/ccompat/v7"
        self._folder = tempfile.TemporaryDirectory(prefix="schema-registry-")
        self._process: GuardedProcess | None = None

    def __enter__(self) -> Self:
        pom = Path(__file__).parent / "pom.xml"
        try:
            (jar,) = deliver(pom, "dependency:unpack").glob("*-runner.jar")
            here = ("-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={self._port}")
            self._process = GuardedProcess(
                ["java", *_JVM, *here, "-jar", jar],
                log=Path(self._folder.name) / "registry.log",
                cwd=Path(self._folder.name),
            )
            if not self._process.becomes(self._serves, _READY_S):
                raise SchemaRegistryError(
                    f"The registry did not start.\n{self._process.log_tail()}"
                )
        except BaseException:
            self.close()
            raise
        return self

    def _serves(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/subjects", timeout=2).close()
        except OSError:  # URLError is one
            return False
        return True

    def suspend(self) -> None:
        """Freeze the registry: connections are accepted and nothing answers."""
        if self._process is not None:
            self._process.suspend()

    def resume(self) -> None:
        """Thaw it, after `suspend`."""
        if self._process is not None:
            self._process.resume()

    def close(self) -> None:
        """Stop the registry; everything in it is lost."""
        if self._process is not None:
            self._process.kill()
        self._folder.cleanup()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
