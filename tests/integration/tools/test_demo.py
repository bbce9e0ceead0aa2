"""`speakerstream demo` through broker, service process and subscriber, with the stand-in engine.

The engine is a function of the chunk, so its error rate means nothing; everything else is real.
"""

import json
import re
from pathlib import Path

import pytest

from producer_tools import demo
from producer_tools.rttm import read
from tests.brokers.fixtures import Broker

STAND_IN = "consumer.inference.stand_in:create"
# The embedded broker lets a member join after a good half of its session timeout.
SOON = {"KAFKA_CONSUMER": '{"session.timeout.ms": "6000"}'}
SETTINGS = {"ENGINE": STAND_IN, **SOON}


def test_the_demo_shows_every_chunk(
    broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo.run(broker.bootstrap, tmp_path, SETTINGS)
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert all(
        event.keys() == {"topic", "partition", "offset", "type", "key", "value"} for event in events
    )
    results = [event["value"] for event in events if event["type"] == "ChunkResult"]
    assert sorted(result["sequence"] for result in results) == [0, 1, 2, 3, 4]
    count = sum(len(result["segments"]) for result in results)
    assert len(read((tmp_path / "meeting.rttm").read_text())) == count
    page = (tmp_path / "report.html").read_text()
    assert "data:audio/ogg;base64," in page
    assert len(re.findall('"lane":"', page)) == count
    assert "Whole meeting, voices linked: DER" in " ".join(capsys.readouterr().out.split())


def test_a_service_that_ends_fails_the_demo(embedded_broker: Broker, tmp_path: Path) -> None:
    with pytest.raises(demo.DemoError, match="exit code 2"):
        demo.run(embedded_broker.bootstrap, tmp_path, {"ENGINE": "no.such:engine"})


def test_chunks_that_fail_fail_the_demo(embedded_broker: Broker, tmp_path: Path) -> None:
    settings = {**SETTINGS, "ALLOWED_PREFIXES": '["file:///elsewhere"]'}
    with pytest.raises(demo.DemoError, match="reference_forbidden"):
        demo.run(embedded_broker.bootstrap, tmp_path, settings)
