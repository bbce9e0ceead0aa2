"""Node programs of these tests, each with the packages its lock file names."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.brokers.parts import RealParts

Node = Callable[..., str]
"""Runs a program with arguments and, as `given`, its input; its standard output."""

_FILES = ("package.json", "package-lock.json")


def program(real_parts: RealParts, source: Path, folder: Path) -> Node:
    """The program at `source`; the packages of the lock file beside it go to `folder`."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    real_parts.need("Node", f"install {' and '.join(missing)}" if missing else None)
    for name in _FILES:
        shutil.copy(source.with_name(name), folder)
    quiet = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(["npm", "ci", *quiet], cwd=folder, check=True, timeout=240)

    def run(*arguments: str, given: str = "") -> str:
        done = subprocess.run(
            ["node", str(source), *arguments],
            input=given,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env={**os.environ, "NODE_MODULES": str(folder)},
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
