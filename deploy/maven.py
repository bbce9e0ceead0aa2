"""Java programs from Maven repositories, kept under `build/`."""

import fcntl
import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

BUILD = Path(__file__).parent.parent / "build"
_JAVA = 17  # what the newest Kafka and Apicurio Registry need


class MavenError(RuntimeError):
    """Maven could not deliver; the message holds what it said."""


def missing() -> str | None:
    """Why Java programs cannot be had here, or None when they can."""
    for program, package in (("java", "a Java 17 runtime"), ("mvn", "Apache Maven")):
        if shutil.which(program) is None:
            return f"no `{program}` on PATH: install {package}"
    version = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', version.stderr)
    if found is None or int(found[1]) < _JAVA:
        return f"`java` is {found[1] if found else 'of unknown version'}: install Java {_JAVA}"
    return None


def deliver(pom: Path, goal: str) -> Path:
    """Run a goal of the dependency plugin on `pom` once; returns the folder with its files.

    The pom names its target as `${target}`. The folder, in `build/`, belongs to this very pom: a
    changed version is fetched anew. It appears whole or not at all, so that an interrupted
    download is begun again; of two processes at once the second waits. Raises `MavenError`.
    """
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:8]
    folder = BUILD / f"{pom.parent.name}-{digest}"
    BUILD.mkdir(exist_ok=True)
    # One for all poms: Maven's own repository is not made for two that write.
    with (BUILD / "maven.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _fetch(pom, goal, folder)
    return folder


def _fetch(pom: Path, goal: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=BUILD, prefix=f"{folder.name}-") as temporary:
        target = Path(temporary) / "files"
        command = ["mvn", "--batch-mode", "--quiet", "--strict-checksums", f"--file={pom}"]
        done = subprocess.run(
            [*command, goal, f"-Dtarget={target}"],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            raise MavenError(f"Maven could not resolve {pom}:\n{done.stdout[-2000:]}")
        target.rename(folder)
