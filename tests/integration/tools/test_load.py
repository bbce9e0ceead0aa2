"""`speakerstream load` against a service, and against none."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from producer_tools.cli import app
from tests.audio_samples import sound
from tests.brokers.fixtures import Broker
from tests.service.installation import Installation
from tests.service.process import ServiceProcess


def test_a_load_is_answered_and_measured(
    embedded_broker: Broker, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Installation(embedded_broker.bootstrap, unique, tmp_path, partitions=2)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    noise = np.random.default_rng(1).normal(0, 0.1, 8000).astype(np.float32)
    uri = made.store("a.flac", sound(noise, kind="FLAC"))
    command = ["load", uri, "--chunks", "30", "--rate", "50"]
    with ServiceProcess(made.environment, tmp_path / "service.log") as service:
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output + service.said()[-2000:]
    assert "30 (0 failed)" in done.stdout
    assert "latency p99" in done.stdout
    assert len(made.results()) == 30
    alone = CliRunner().invoke(app, [*command, "--patience-seconds", "1"])
    assert alone.exit_code == 1
    assert "30 of 30 chunks were not answered" in alone.stderr
