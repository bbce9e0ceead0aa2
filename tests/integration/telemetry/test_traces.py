"""Traces: the input's is continued to every output, and a batch links to its chunks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.records import OutputRecord
from tests.brokers import client
from tests.brokers.client import StoredRecord
from tests.brokers.fixtures import Broker
from tests.integration.telemetry.collector import Collector
from tests.service.installation import Installation
from tests.service.process import ServiceProcess

CHUNKS = 4
TRACES = [f"{number:032x}" for number in range(1, CHUNKS + 2)]
PARENT = "00f067aa0ba902b7"


def _traceparent(trace: str, span: str = PARENT) -> bytes:
    return f"00-{trace}-{span}-01".encode()


@pytest.fixture
def installation(embedded_broker: Broker, unique: str, tmp_path: Path) -> Installation:
    """Four chunks and a record that is no event, each with a traceparent."""
    made = Installation(embedded_broker.bootstrap, unique, tmp_path)
    chunks = [made.chunk(number, recording_id="r") for number in range(CHUNKS)]
    values = [*(made.encoder.encode(chunk) for chunk in chunks), b"junk"]
    records = [
        OutputRecord(made.topics.audio_chunks, b"r", value, (("traceparent", _traceparent(trace)),))
        for value, trace in zip(values, TRACES, strict=True)
    ]
    client.produce(made.bootstrap, *records)
    return made


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that runs."""
    with Collector() as server:
        yield server
        server.shutdown()


def _outputs(installation: Installation) -> list[StoredRecord]:
    return installation.read(*installation.topics.outputs.values())


def _parent(record: StoredRecord) -> tuple[str, str]:
    [value] = [value for name, value in record.headers if name == "traceparent"]
    _, trace, span, _ = (value or b"").decode().split("-")
    return trace, span


def test_the_inputs_trace_goes_on_through_the_processing_span(
    installation: Installation, collector: Collector, tmp_path: Path
) -> None:
    environment = {
        **installation.environment,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    with ServiceProcess(environment, tmp_path / "log") as service:
        installation.await_results(CHUNKS + 1)
        installation.await_committed(CHUNKS + 1)
        collector.await_spans(
            lambda spans: sum(s.name.startswith("process") for s in spans) == CHUNKS + 1
        )
        assert service.terminate() == 0
        said = service.said()
    processing = {s.trace_id.hex(): s for s in collector.spans if s.name.startswith("process")}
    assert sorted(processing) == TRACES
    assert {s.parent_span_id.hex() for s in processing.values()} == {PARENT}
    outputs = _outputs(installation)
    assert len(outputs) > CHUNKS
    for output in outputs:
        trace, span = _parent(output)
        assert processing[trace].span_id.hex() == span
    batches = [span for span in collector.spans if span.name == "infer batch"]
    linked = [link.span_id for batch in batches for link in batch.links]
    good = [processing[trace].span_id for trace in TRACES[:CHUNKS]]
    assert sorted(linked) == sorted(good)
    [letter] = installation.read(installation.topics.dead_letters)
    assert _parent(letter) == (TRACES[CHUNKS], PARENT), "a dead letter keeps its headers"
    failed = processing[TRACES[CHUNKS]]
    assert {a.key: a.value.string_value for a in failed.attributes}["error.type"] == (
        "malformed_event"
    )
    assert TRACES[0] in said, "the log line of a chunk names its trace"


def test_without_a_collector_configured_the_inputs_traceparent_is_passed_on(
    installation: Installation, tmp_path: Path
) -> None:
    with ServiceProcess(installation.environment, tmp_path / "log") as service:
        installation.await_results(CHUNKS + 1)
        installation.await_committed(CHUNKS + 1)
        assert service.terminate() == 0
    assert {_parent(output) for output in _outputs(installation)} == {
        (trace, PARENT) for trace in TRACES
    }
