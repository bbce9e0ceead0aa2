"""Java programs from Maven repositories, kept under `build/`."""

import contextlib
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
    download is begun again and two runs at once don't mix. Raises `MavenError`.
    """
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:8]
    name = f"{pom.parent.name}-{digest}"
    folder = BUILD / name
    if folder.is_dir():
        return folder
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix=f"{name}-") as temporary:
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
        with contextlib.suppress(OSError):  # another run was faster
            target.rename(folder)
    return folder
