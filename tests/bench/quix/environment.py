"""The environment of the quixstreams application: it pins an older confluent-kafka than ours."""

import subprocess
from pathlib import Path

from deploy.setup import environment
from tests.bench.measure import Say

_HERE = Path(__file__).parent
_FOLDER = environment.ROOT / "build" / "bench" / "quix"


def python(say: Say) -> Path:
    """Its Python; made from the lock beside this file when it is not there, or older."""
    lock, made = _HERE / "requirements.lock", _FOLDER / "bin" / "python"
    complete = _FOLDER / "complete"
    if not complete.exists() or complete.stat().st_mtime < lock.stat().st_mtime:
        say("installing quixstreams into build/bench/quix")
        uv = environment.fetch_uv()
        environment.run(uv, "venv", "--quiet", "--clear", "--python", "3.11", _FOLDER)
        environment.run(
            uv, "pip", "install", "--quiet", "--python", made, "--require-hashes", "-r", lock
        )
        complete.touch()
    return made


def version(python: Path) -> str:
    """The installed quixstreams."""
    code = "from importlib.metadata import version; print(version('quixstreams'))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()
