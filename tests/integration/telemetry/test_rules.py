"""Alert rules and dashboard: every query names what is exposed, every alert turns red and green."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import deploy.prometheus
from consumer import telemetry
from tests.brokers.parts import RealParts
from tests.integration.telemetry import dashboard

DEPLOY = Path(deploy.prometheus.__file__).parents[1]
RULES = DEPLOY / "prometheus" / "rules.yml"
TESTS = DEPLOY / "prometheus" / "rules_test.yml"
README = Path(telemetry.__file__).with_name("README.md")

ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load(RULES.read_text())["groups"]
    for rule in group["rules"]
}


def _documented() -> dict[str, str]:
    """Metrics and their types, from the table another test compares with a running service."""
    return dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", README.read_text(), re.MULTILINE))


def _exposed() -> set[str]:
    """Names of samples."""
    names: set[str] = set()
    for name, kind in _documented().items():
        suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        names.update(name + suffix for suffix in suffixes)
    return names


def _named(query: str) -> set[str]:
    return set(re.findall(r"\bspeakerstream_\w+", query))


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_names_what_is_exposed_and_what_to_do(alert: str) -> None:
    rule = ALERTS[alert]
    assert _named(rule["expr"]) <= _exposed()
    assert _named(rule["expr"])
    assert _named(rule["annotations"]["runbook"]) <= _exposed() | _documented().keys()
    assert rule["annotations"]["summary"]
    assert rule["labels"]["severity"] in ("page", "ticket")


def test_the_dashboard_asks_for_what_is_exposed_and_shows_all_of_it() -> None:
    asked: set[str] = set()
    for panel, queries in dashboard.queries().items():
        for query in queries:
            assert _named(query), panel
            assert _named(query) <= _exposed(), panel
            asked |= _named(query)
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    # The first counts what the outcomes count a moment later, the second is a line for rules.
    assert _documented().keys() - shown == {
        "speakerstream_records_consumed_total",
        "speakerstream_max_poll_interval_seconds",
    }


@pytest.fixture(scope="module")
def promtool(real_parts: RealParts) -> Path:
    """Prometheus' checker of rules."""
    real_parts.need("promtool", deploy.prometheus.missing())
    return deploy.prometheus.find("promtool")


def _run(promtool: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [promtool, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parts
def test_each_alert_turns_red_and_green(promtool: Path) -> None:
    done = _run(promtool, "test", "rules", TESTS.name, cwd=TESTS.parent)
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.mark.parts
@pytest.mark.parametrize("expr", ["vector(0) > 1", "vector(1)"], ids=["never red", "never green"])
@pytest.mark.parametrize("alert", ALERTS)
def test_its_test_would_see_an_alert_that_is(
    promtool: Path, alert: str, expr: str, tmp_path: Path
) -> None:
    rules = yaml.safe_load(RULES.read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            if rule["alert"] == alert:
                rule["expr"] = expr
    (tmp_path / RULES.name).write_text(yaml.safe_dump(rules))
    (tmp_path / TESTS.name).write_text(TESTS.read_text())
    done = _run(promtool, "test", "rules", TESTS.name, cwd=tmp_path)
    assert done.returncode != 0
    assert alert in done.stderr + done.stdout


@pytest.mark.parts
def test_prometheus_can_read_every_query_of_the_dashboard(promtool: Path, tmp_path: Path) -> None:
    queries = [query for each in dashboard.queries().values() for query in each]
    rules = [
        {
            "record": f"panel:{number}",
            "expr": query,
        }
        for number, query in enumerate(queries)
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]}))
    done = _run(promtool, "check", "rules", "rules.yml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{len(queries)} rules found" in done.stdout
