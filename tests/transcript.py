"""Commands in Markdown pages, run in a shell as a reader would, their output compared.

A fenced block `console` holds lines `$ command` (continued by `> `) and under them what is
printed, in order; `...` stands for any text, or on a line of its own for any lines. A fenced
block whose first line is a comment with a file name (`# publish.py`) becomes that file.
"""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"(?:#|//) ([\w.]+)\n")
_PATIENCE_S = 240.0
_MARK = "-- the command ended with"


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a page, and the lines it should print."""

    text: str
    expected: tuple[str, ...]


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """Language and text of the fenced blocks."""
    for found in _BLOCK.finditer(page):
        yield found[1], found[2]


def commands(page: str) -> Iterator[Command]:
    """The commands in the page's `console` blocks."""
    for language, text in blocks(page):
        if language != "console":
            continue
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            lines = part.splitlines()
            count = 1
            while count < len(lines) and lines[count].startswith("> "):
                count += 1
            whole = [lines[0], *(line.removeprefix("> ") for line in lines[1:count])]
            yield Command("\n".join(whole), tuple(lines[count:]))


def unlike(expected: tuple[str, ...], printed: str) -> str | None:
    """The first expected line that was not printed in its turn; None when all were."""
    lines = iter(printed.splitlines())
    for wanted in expected:
        pattern = re.compile(".*".join(map(re.escape, wanted.split("..."))))
        if wanted != "..." and not any(pattern.fullmatch(line.rstrip()) for line in lines):
            return wanted
    return None


class Reader:
    """Somebody who follows pages in one shell; `known` replaces addresses in what they type."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], known: Mapping[str, str]
    ) -> None:
        self._folder = folder
        self._known = known
        self._shell = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )

    def follow(self, page: Path) -> None:
        """Do what a page says; a command that fails, or prints something else, is an error."""
        text = page.read_text(encoding="utf-8")
        for address, real in self._known.items():
            text = text.replace(address, real)
        for language, block in blocks(text):
            if language != "console" and (named := _NAMED.match(block)):
                (self._folder / named[1]).write_text(block, encoding="utf-8")
        for command in commands(text):
            printed, status = self._run(command.text)
            said = f"{page.name}: $ {command.text}\n{printed}"
            assert status == 0, f"exit code {status}\n{said}"
            missed = unlike(command.expected, printed)
            assert missed is None, f"not printed in its turn: {missed}\n{said}"

    def _run(self, command: str) -> tuple[str, int]:
        typed = self._folder / ".typed"
        typed.write_text(f"{command}\n", encoding="utf-8")
        stdin, stdout = self._shell.stdin, self._shell.stdout
        assert stdin is not None
        assert stdout is not None
        # Sourced, so that it can change folder and environment, and has no hand on our own pipe.
        stdin.write(f". '{typed}' < /dev/null; printf '\\n{_MARK} %s\\n' $?\n")
        stdin.flush()
        late = threading.Timer(_PATIENCE_S, self._kill)
        late.start()
        try:
            printed = list[str]()
            for line in stdout:
                if line.startswith(_MARK):
                    return "".join(printed), int(line.rpartition(" ")[2])
                printed.append(line)
        finally:
            late.cancel()
        raise AssertionError(
            f"no end within {_PATIENCE_S:g} s: $ {command}\n{''.join(printed)[-4000:]}"
        )

    def _kill(self) -> None:
        os.killpg(self._shell.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._kill()
        self._shell.wait()
