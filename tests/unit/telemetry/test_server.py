"""The page server's own mishaps are no raw text between the log's JSON lines."""

import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from consumer.telemetry.health import Deadlines, Health
from consumer.telemetry.owner import Pulse
from consumer.telemetry.server import TelemetryServer
from tests.waiting import until


@pytest.mark.parametrize(
    ("error", "logged"),
    [(RuntimeError("broken page"), ["page_failed"]), (BrokenPipeError("gone"), [])],
    ids=["a fault", "a client that is gone"],
)
def test_a_page_that_fails(
    error: Exception, logged: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def info() -> dict[str, str]:
        asked.append(True)
        raise error

    health = Health(Pulse(), Deadlines(1, 1, 1))
    with capture_logs() as events:
        server = TelemetryServer("127.0.0.1", 0, CollectorRegistry(), health, info)
        try:
            with pytest.raises((urllib.error.URLError, ConnectionError)):
                urllib.request.urlopen(f"http://127.0.0.1:{server.port}/info", timeout=10)
            if logged:
                until(lambda: bool(events), lambda: asked)
        finally:
            server.close()
    assert asked
    assert [event["event"] for event in events] == logged
    assert "Traceback" not in capsys.readouterr().err
