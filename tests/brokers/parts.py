"""Real parts (brokers, servers, programs) that tests run against, where the machine has them.

A test that needs a part which is not there is skipped by name, and the summary of the run names
the part. With `REQUIRE_REAL_PARTS=1`, as in CI, it fails instead: a green run then means that
everything was exercised.

When tests are spread over several processes (pytest-xdist), each sends what it found to the one
that prints the summary.
"""

import os
from typing import Any

import pytest


class RealParts:
    """Which parts the tests of this run asked for, and why some were not there."""

    def __init__(self, *, required: bool) -> None:
        self._required = required
        self._there: dict[str, None] = {}  # a set that keeps its order
        self._missing: dict[str, str] = {}

    def need(self, name: str, problem: str | None) -> None:
        """Ask for the part `name`; `problem` says why it cannot be had, None that it can.

        Skips the test on a problem, or fails it when all parts are required.
        """
        if problem is None:
            self._there[name] = None
            return
        self._missing[name] = problem
        if self._required:
            pytest.fail(f"REQUIRE_REAL_PARTS is set, but {name} is not there: {problem}", False)
        pytest.skip(f"real part not there: {name} ({problem})")

    def found(self) -> tuple[dict[str, None], dict[str, str]]:
        """The parts that were there and those that were not, for `add` of another process."""
        return self._there, self._missing

    def add(self, there: dict[str, None], missing: dict[str, str]) -> None:
        """Take over what the tests of another process found."""
        self._there |= there
        self._missing |= missing

    def summary(self) -> str | None:
        """One line for the end of the run; None when no test asked for a part."""
        if self._missing:
            named = "; ".join(f"{name} ({problem})" for name, problem in self._missing.items())
            return f"real parts that were not there: {named}"
        if self._there:
            return f"all real parts were there: {', '.join(self._there)}"
        return None


_KEY = pytest.StashKey[RealParts]()


def pytest_configure(config: pytest.Config) -> None:
    required = os.environ.get("REQUIRE_REAL_PARTS", "0") not in ("", "0")
    config.stash[_KEY] = RealParts(required=required)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["real_parts"] = session.config.stash[_KEY].found()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A process of pytest-xdist has ended; one that crashed says nothing."""
    if found := getattr(node, "workeroutput", {}).get("real_parts"):
        node.config.stash[_KEY].add(*found)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if line := config.stash[_KEY].summary():
        terminalreporter.write_sep("-", "real parts")
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def real_parts(pytestconfig: pytest.Config) -> RealParts:
    """`real_parts.need(name, problem)`: skip by name, or fail, where a part is missing."""
    return pytestconfig.stash[_KEY]
