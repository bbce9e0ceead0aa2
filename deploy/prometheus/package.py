"""Prometheus and promtool: from PATH, or from Debian's package without installing it."""

import contextlib
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Literal

BUILD = Path(__file__).resolve().parents[2] / "build"
_FOLDER = "prometheus"
_TIMEOUT_S = 300

Program = Literal["prometheus", "promtool"]


@cache
def missing() -> str | None:
    """Why Prometheus and promtool cannot be had here, or None when they can."""
    try:
        find("prometheus")
        find("promtool")
    except FileNotFoundError as error:
        return str(error)
    return None


def find(program: Program) -> Path:
    """The program. Where it is not on PATH, apt fetches the package (19 MB) into `build/` once.

    Raises FileNotFoundError saying what to install.
    """
    if on_path := shutil.which(program):
        return Path(on_path)
    unpacked = BUILD / _FOLDER / "usr" / "bin" / program
    if not unpacked.exists():
        _unpack()
    return unpacked


def _unpack() -> None:
    for program in ("apt-get", "dpkg"):
        if shutil.which(program) is None:
            raise FileNotFoundError("no `promtool` on PATH: install Prometheus")
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix=f"{_FOLDER}-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # apt downloads as a user of its own
        _run("apt-get", "--quiet", "download", "prometheus", cwd=folder)
        [package] = folder.glob("prometheus_*.deb")
        _run("dpkg", "--extract", str(package), str(folder / "files"), cwd=folder)
        with contextlib.suppress(OSError):  # another run was faster
            (folder / "files").rename(BUILD / _FOLDER)


def _run(*command: str, cwd: Path) -> None:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
    )
    if done.returncode != 0:
        raise FileNotFoundError(
            f"no `promtool` on PATH, and `{' '.join(command[:3])}` failed "
            f"({done.stderr.strip()[-200:]}): install Prometheus"
        )
