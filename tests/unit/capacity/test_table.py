"""The table of fleets."""

import sys

import pytest

from deploy.capacity import __main__ as capacity


def test_a_fixed_fleet_has_one_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["capacity", "--hours", "50", "--work-s", "20"])
    assert capacity.main() == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│ ")]
    fixed = [row.split("│")[2].strip() for row in rows if "fixed" in row]
    assert len(fixed) == 3
    assert all(workers.isdigit() for workers in fixed)
    assert any(" to " in row for row in rows if "autoscaler" in row)
