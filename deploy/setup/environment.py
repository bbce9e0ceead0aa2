"""Creates or completes `.venv`: what `make` runs first. Standard library only, any system Python.

The packages are those of `requirements.lock`, checked by hash, installed by uv; uv itself is
pinned in `uv.txt` and fetched with pip, or with the pip of a throw-away venv where the system has
none. A Debian without python3-venv and a Python without pip are both enough; one of them is
needed.
"""

from __future__ import annotations  # an older Python must come as far as the message for it

import importlib.util
import json
import os
import platform
import re
import ssl
import subprocess
import sys
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / "build" / "setup"


class SetupError(Exception):
    """The environment cannot be made here; the message says what to install."""


def main() -> None:
    """Make the environment, then mark it complete for make."""
    lowest, running = lowest_python(), platform.python_version()
    if sys.version_info < lowest:
        needed = f"{lowest[0]}.{lowest[1]}"
        raise SetupError(f"Python {running} is too old: install {needed} or newer.")
    print(announcement(), flush=True)
    uv = fetch_uv()
    if not (VENV / "bin" / "python").exists():
        run(uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, VENV)
    install = (uv, "pip", "install", "--python", VENV / "bin" / "python")
    run(*install, "--require-hashes", "--requirement", ROOT / "requirements.lock")
    # The build back end is in the lock: an isolated build would fetch an unpinned one.
    run(*install, "--no-deps", "--no-build-isolation", "--editable", ROOT)
    (VENV / "complete").touch()


def lowest_python() -> tuple[int, int]:
    """`requires-python` of pyproject.toml (an older Python has no parser for it)."""
    project = (ROOT / "pyproject.toml").read_text()
    ((major, minor),) = re.findall(r'^requires-python = ">=(\d+)\.(\d+)"$', project, re.MULTILINE)
    return int(major), int(minor)


def announcement() -> str:
    """What is about to be downloaded, from sizes measured when the lock was made."""
    machine = {"arm64": "aarch64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    system = f"{platform.system()} {machine}"
    sizes = json.loads((HERE / "download_sizes.json").read_text())
    if system not in sizes:
        known = ", ".join(sorted(sizes))
        return f"Setting up .venv. This is {system}; the packages were locked for {known}."
    return (
        f"Setting up .venv: about {sizes[system] / 1e9:.1f} GB to download, less what uv's cache "
        "already has."
    )


def fetch_uv() -> Path:
    """The pinned uv, in build/setup."""
    uv = TOOLS / "bin" / "uv"
    pinned = HERE / "uv.txt"
    if uv.exists() and uv.stat().st_mtime > pinned.stat().st_mtime:
        return uv
    python = Path(sys.executable)
    if importlib.util.find_spec("pip") is None:
        python = throwaway_python()
    quiet = ("--quiet", "--disable-pip-version-check", "--root-user-action=ignore")
    options = (*quiet, "--upgrade", "--require-hashes")
    run(python, "-m", "pip", "install", *options, "--target", TOOLS, "--requirement", pinned)
    uv.touch()
    return uv


def throwaway_python() -> Path:
    """A Python that has pip, by the standard library's venv."""
    folder = TOOLS / "pip"
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", folder], capture_output=True, check=False
    )
    if made.returncode != 0:
        raise SetupError(
            "This Python has neither venv nor pip: install one of them "
            "(Debian and Ubuntu: apt install python3-venv)."
        )
    return folder / "bin" / "python"


def run(*command: str | Path) -> None:
    """Run a step; its own output says what went wrong."""
    environment = uv_defaults() | os.environ
    done = subprocess.run([*map(str, command)], env=environment, check=False)
    if done.returncode != 0:
        raise SetupError(f"The set-up stopped at: {' '.join(map(str, command))}")


@cache
def uv_defaults() -> dict[str, str]:
    """What uv has to be told to reach the index that pip on this machine reaches."""
    # Some wheels are files of 500 MB: slow lines need more than uv's 30 s.
    defaults = {"UV_HTTP_TIMEOUT": "300", "UV_NO_CONFIG": "1"}
    certificates = ssl.get_default_verify_paths()
    folder = Path(certificates.capath or os.devnull)
    if (
        sys.platform == "darwin"
        or certificates.cafile
        or (folder.is_dir() and any(folder.iterdir()))
    ):
        # As pip does: an institution's own authority is known to the system, not to uv.
        defaults["UV_SYSTEM_CERTS"] = "1"
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
        capture_output=True,
        text=True,
        check=False,
    )
    index = os.environ.get("PIP_INDEX_URL") or asked.stdout.strip()
    return defaults | ({"UV_DEFAULT_INDEX": index} if index else {})


if __name__ == "__main__":
    try:
        main()
    except SetupError as error:
        sys.exit(f"error: {error}")
