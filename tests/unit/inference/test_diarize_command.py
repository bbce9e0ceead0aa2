"""`speakerstream diarize` with the stand-in engine: what is printed, written and refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from consumer.inference import stand_in
from consumer.inference.options import EngineOptions
from producer_tools import cli, diarize, rttm
from producer_tools.evaluate import command as evaluate

runner = CliRunner()


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    def engine(chosen: EngineOptions) -> stand_in.StandInEngine:
        assert (chosen.diarizer, chosen.embedder) == ("compact", "compact")
        return stand_in.create(chosen)

    monkeypatch.setattr(diarize, "_engine", engine)
    made = typer.Typer()
    made.command()(diarize.diarize)
    return made


def recording(path: Path, seed: int, seconds: float = 12.0) -> Path:
    path.parent.mkdir(exist_ok=True)
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * 16000))
    soundfile.write(path, samples, 16000)
    return path


def test_json_has_exactly_the_fields_of_the_endpoint(app: typer.Typer, tmp_path: Path) -> None:
    paths = [recording(tmp_path / f"{n}.wav", seed=n) for n in range(3)]
    done = runner.invoke(app, [*map(str, paths), "--json", "--batch-size", "2"])
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["path"] for line in lines] == [str(path) for path in paths]
    for line in lines:
        assert set(line) == {
            "path",
            "duration",
            "segments",
            "speakers_detected",
            "fingerprints",
            "models",
        }
        assert line["duration"] == 12.0
        assert line["models"] == {"diarization": "stand-in", "embedding": "stand-in"}
        speakers = {segment["speaker"] for segment in line["segments"]}
        assert speakers == set(line["speakers_detected"])
        assert set(line["fingerprints"]) <= speakers
        assert all(name.startswith("Speaker_") for name in speakers)
        for segment in line["segments"]:
            assert set(segment) == {"start_s", "end_s", "speaker", "confidence"}
        for embedding in line["fingerprints"].values():
            assert len(embedding) == 192


def test_the_table_marks_what_is_uncertain(app: typer.Typer, tmp_path: Path) -> None:
    path = recording(tmp_path / "a.wav", seed=1, seconds=60)
    segments = json.loads(runner.invoke(app, [str(path), "--json"]).stdout)["segments"]
    header, *rows = runner.invoke(app, [str(path)]).stdout.splitlines()
    assert "60.00 s" in header
    assert len(rows) == len(segments)
    for row, segment in zip(rows, segments, strict=True):
        start, end, who, confidence = row.split()
        assert float(start) == pytest.approx(segment["start_s"], abs=0.0051)
        assert float(end) == pytest.approx(segment["end_s"], abs=0.0051)
        # The stand-in's threshold is 0.6.
        assert who == segment["speaker"] + ("?" if segment["confidence"] < 0.6 else "")
        assert float(confidence) == pytest.approx(segment["confidence"], abs=0.0051)
    assert any("?" in row for row in rows)


def test_the_table_says_which_checkpoints_spoke(app: typer.Typer, tmp_path: Path) -> None:
    path = str(recording(tmp_path / "a.wav", seed=1))
    first = runner.invoke(app, [path]).stderr.splitlines()[0]
    assert first == "diarizer stand-in, embedder stand-in"
    assert "diarizer" not in runner.invoke(app, [path, "--json"]).stderr


@pytest.mark.parametrize("command", ["diarize", "evaluate"])
def test_the_checkpoints_are_those_of_the_service(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = recording(tmp_path / "a.wav", seed=1)
    path.with_suffix(".rttm").write_text("SPEAKER a 1 0 2 <NA> <NA> x <NA> <NA>\n")
    asked = list[EngineOptions]()

    def engine(chosen: EngineOptions) -> None:
        asked.append(chosen)
        raise ValueError("seen")

    monkeypatch.setattr(diarize, "_engine", engine)
    monkeypatch.setattr(evaluate, "_measure", lambda chosen, *_: engine(chosen))
    variables = {"SPEAKERSTREAM_DIARIZER": "theirs", "SPEAKERSTREAM_EMBEDDER": "theirs"}
    call = [command, str(path), "--embedder", "mine"]
    assert runner.invoke(cli.app, call, env=variables).exit_code == 1
    assert [(each.diarizer, each.embedder) for each in asked] == [("theirs", "mine")]


def test_rttm_files_carry_confidence_and_never_collide(app: typer.Typer, tmp_path: Path) -> None:
    paths = [recording(tmp_path / folder / "meeting.wav", n) for n, folder in enumerate("ab")]
    out = tmp_path / "out" / "rttm"
    done = runner.invoke(app, [*map(str, paths), "--json", "--rttm", str(out)])
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(path.name for path in out.iterdir()) == ["meeting-2.rttm", "meeting.rttm"]
    for line, name in zip(lines, ["meeting", "meeting-2"], strict=True):
        turns = rttm.read((out / f"{name}.rttm").read_text())
        assert {turn.recording for turn in turns} == {name}
        told = sorted((s["start_s"], s["speaker"], s["confidence"]) for s in line["segments"])
        for turn, (start, speaker, confidence) in zip(turns, told, strict=True):
            assert turn.speaker == speaker
            assert turn.start_s == pytest.approx(start, abs=0.0006)
            assert turn.confidence == pytest.approx(confidence, abs=0.0006)


def test_what_cannot_be_read_does_not_stop_the_others(app: typer.Typer, tmp_path: Path) -> None:
    good = recording(tmp_path / "good.wav", seed=1)
    text = tmp_path / "text.wav"
    text.write_text("no audio at all")
    missing = tmp_path / "missing.wav"
    done = runner.invoke(app, [str(missing), str(text), str(good), "--json", "--batch-size", "1"])
    assert done.exit_code == 1
    assert [json.loads(line)["path"] for line in done.stdout.splitlines()] == [str(good)]
    assert f"{missing}: No such file" in done.stderr
    assert f"{text}: " in done.stderr
    only_bad = runner.invoke(app, [str(missing)])
    assert (only_bad.exit_code, only_bad.stdout) == (1, "")


def test_a_checkpoint_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(diarize.diarize)
    path = recording(tmp_path / "a.wav", seed=1)
    done = runner.invoke(app, [str(path), "--diarizer", str(tmp_path / "no.nemo")])
    assert done.exit_code == 1
    assert "there is no diarizer checkpoint at" in done.stderr
    assert "Traceback" not in done.stderr
