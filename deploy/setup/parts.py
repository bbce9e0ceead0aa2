"""Installs the Debian packages of `debian-parts.txt` where that can be done: root, with apt.

Elsewhere it says what is missing; the tests that need it are then skipped by name.
"""

import os
import shutil
import subprocess
from pathlib import Path

LIST = Path(__file__).with_name("debian-parts.txt")


def main() -> None:
    """Install what is missing; a failure is said and left to the tests."""
    if shutil.which("dpkg-query") is None:
        print(f"No Debian here: the packages of {LIST.name} are not installed by this command.")
        return
    missing = [package for package in packages() if not installed(package)]
    if not missing:
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        print(f"Missing for some tests: apt install {' '.join(missing)} (needs root)")
        return
    print(f"Installing {', '.join(missing)}", flush=True)
    if apt("install", *missing) != 0 and apt("update") == 0:
        apt("install", *missing)  # the package lists were too old


def packages() -> list[str]:
    """The names in the list, without its comments."""
    lines = (line.partition("#")[0].strip() for line in LIST.read_text().splitlines())
    return [line for line in lines if line]


def installed(package: str) -> bool:
    """Whether dpkg has it installed now (it also knows removed ones)."""
    command = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout == "installed"


def apt(*arguments: str) -> int:
    """Run apt-get without questions; its exit code."""
    quiet = ["apt-get", "--quiet", "--quiet", "--yes", "--no-install-recommends"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run([*quiet, *arguments], env=environment, check=False).returncode


if __name__ == "__main__":
    main()
