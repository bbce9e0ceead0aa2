"""A real Prometheus scrapes the service, loads the rules and answers the dashboard."""

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import deploy.prometheus
from deploy.grafana.draw import draw
from producer_tools.loopback import free_port
from tests.brokers.fixtures import Broker
from tests.brokers.parts import RealParts
from tests.integration.telemetry import dashboard
from tests.integration.telemetry.pages import ObservedService
from tests.service.installation import Installation
from tests.waiting import until

pytestmark = pytest.mark.parts

RULES = Path(deploy.prometheus.__file__).with_name("rules.yml")
NOTHING_TO_SHOW = {"Tries put off, by cause"}  # nothing was put off


class Prometheus:
    """A server that scrapes one port each second."""

    def __init__(self, target: int, folder: Path) -> None:
        self.port = free_port()
        config = folder / "prometheus.yml"
        config.write_text(
            json.dumps(
                {
                    "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                    "rule_files": [str(RULES)],
                    "scrape_configs": [
                        {
                            "job_name": "speakerstream",
                            "static_configs": [{"targets": [f"127.0.0.1:{target}"]}],
                        }
                    ],
                }
            )
        )
        self._process = subprocess.Popen(
            [
                deploy.prometheus.find("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def ready(self) -> bool:
        """Whether it answers questions: it listens before it does."""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=10).close()
        except OSError:
            return False
        return True

    def ask(self, page: str, **parameters: str) -> Any:
        """Data of an answer of the HTTP API."""
        query = urllib.parse.urlencode(parameters)
        address = f"http://127.0.0.1:{self.port}/api/v1/{page}?{query}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            return json.load(answer)["data"]

    def value(self, query: str) -> float:
        """The sum of what a query gives."""
        return sum(float(each["value"][1]) for each in self.ask("query", query=query)["result"])

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(20)


@pytest.fixture(scope="module")
def scraped(
    embedded_broker: Broker, real_parts: RealParts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus that has seen a service answer chunks."""
    real_parts.need("Prometheus", deploy.prometheus.missing())
    folder = tmp_path_factory.mktemp("prometheus")
    installation = Installation(embedded_broker.bootstrap, f"scraped-{folder.name}", folder)
    with ObservedService(installation.environment, folder / "log") as service:
        service.await_status("/readyz", 200)
        server = Prometheus(service.port, folder)
        try:
            until(server.ready, service.said)
            until(lambda: server.value("speakerstream_ready") == 1, service.said)
            for number in range(20):  # rates need more than one sample
                installation.publish(installation.chunk(number))
                time.sleep(0.25)
            installation.publish_raw((b"k", b"junk"))
            until(lambda: server.value("speakerstream_chunks_total") == 21, service.said)
            yield server
        finally:
            server.stop()


def test_every_rule_is_loaded_evaluates_and_is_green(scraped: Prometheus) -> None:
    until(lambda: all(r["health"] != "unknown" for r in _rules(scraped)), lambda: _rules(scraped))
    rules = _rules(scraped)
    assert len(rules) == RULES.read_text().count("- alert:")
    assert {rule["health"] for rule in rules} == {"ok"}
    assert [a for a in scraped.ask("alerts")["alerts"] if a["state"] == "firing"] == []


def test_every_panel_has_something_to_show(scraped: Prometheus) -> None:
    def empty() -> set[str]:
        return {
            panel
            for panel, queries in dashboard.queries("1m").items()
            if not any(scraped.ask("query", query=query)["result"] for query in queries)
        }

    # A scrape that a busy machine answers too late leaves every panel empty until the next.
    until(lambda: empty() == NOTHING_TO_SHOW, empty)


def test_the_panels_can_be_drawn_without_a_grafana(scraped: Prometheus, tmp_path: Path) -> None:
    picture, now = tmp_path / "board.png", time.time()
    draw(f"http://127.0.0.1:{scraped.port}", now - 300, now, picture, "1m")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 100_000, "as large as thirty panels with axes and lines are"


def _rules(server: Prometheus) -> list[dict[str, Any]]:
    return [rule for group in server.ask("rules")["groups"] for rule in group["rules"]]
