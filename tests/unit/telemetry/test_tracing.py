"""When tracing is on, and what ends a span."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from consumer.errors import ExitCode, FatalError
from consumer.records import InputRecord, Ticket
from consumer.telemetry.tracing import Tracer, from_environment

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("environment", "on"),
    [
        ({}, False),
        ({"OTEL_TRACES_EXPORTER": "none", **ENDPOINT}, False),
        ({"OTEL_SDK_DISABLED": "true", **ENDPOINT}, False),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        (ENDPOINT, True),
    ],
)
def test_only_opentelemetrys_own_variables_turn_it_on(
    environment: dict[str, str], on: bool
) -> None:
    tracer = from_environment(environment, "g")
    assert (tracer is not None) is on
    if tracer is not None:
        tracer.close()


@pytest.mark.parametrize(
    "environment",
    [{"OTEL_TRACES_EXPORTER": "zipkin"}, {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", **ENDPOINT}],
)
def test_what_is_not_built_in_is_refused_by_name(environment: dict[str, str]) -> None:
    with pytest.raises(FatalError) as raised:
        from_environment(environment, "g")
    assert raised.value.code is ExitCode.SETTINGS


def test_a_partition_taken_away_ends_its_spans_and_no_others() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = Tracer(provider, "g")
    for partition in (0, 1):
        headers = dict(tracer.start(InputRecord(Ticket(partition, 1, 7), "in", b"r", b"", (), 0)))
        assert headers.keys() == {"traceparent"}
    tracer.drop({1})
    [ended] = exporter.get_finished_spans()
    assert ended.attributes is not None
    assert ended.attributes["messaging.destination.partition.id"] == "1"
    assert not ended.status.is_ok
