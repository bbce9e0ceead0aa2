"""Programs that start or ask parts: their options, and what they say when one is not there."""

import sys
from pathlib import Path

import pytest

from deploy.grafana import draw
from deploy.registry import __main__ as registry
from producer_tools.loopback import free_port


@pytest.mark.parametrize(("option", "status"), [("--help", 0), ("--port", 2)])
def test_the_registry_does_not_start_for_a_question(
    option: str,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(registry, "missing", lambda: "this test wants none")
    monkeypatch.setattr(sys, "argv", ["registry", option])
    with pytest.raises(SystemExit) as raised:
        registry.main()
    assert raised.value.code == status
    said = capsys.readouterr()
    assert "usage: python -m deploy.registry" in said.out + said.err


def test_a_prometheus_that_is_not_there_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    output = tmp_path / "board.png"
    monkeypatch.setattr(sys, "argv", ["draw", "--prometheus", address, "--output", str(output)])
    assert draw.main() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"no answer from a Prometheus at {address} (")
    assert line.endswith("): check --prometheus")
    assert not output.exists()
