"""OpenTelemetry traces: a processing span per chunk, and a span per batch linked to its chunks.

Off unless OpenTelemetry's own environment variables name an exporter. The provider belongs to this
object: nothing global is set.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from consumer.errors import ExitCode, FatalError
from consumer.pipeline.job import Outcome
from consumer.records import Headers, InputRecord, Ticket
from consumer.telemetry.logs import cut

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_NS = 1_000_000_000


class Tracer:
    """Spans of the records in work. `batch` may be called from any thread, the rest from one."""

    def __init__(self, provider: TracerProvider, group: str) -> None:
        self._provider = provider
        self._group = group
        self._tracer = provider.get_tracer("speakerstream", version("speakerstream"))
        self._propagator = TraceContextTextMapPropagator()
        self._spans: dict[Ticket, Span] = {}

    def start(self, record: InputRecord) -> Headers:
        """Begin a processing span, child of the input's context; the headers its outputs carry."""
        headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
        ticket = record.ticket
        span = self._tracer.start_span(
            f"process {record.topic}",
            self._propagator.extract(headers, Context()),
            SpanKind.CONSUMER,
            {
                "messaging.system": "kafka",
                "messaging.operation.type": "process",
                "messaging.destination.name": record.topic,
                "messaging.destination.partition.id": str(ticket.partition),
                "messaging.kafka.offset": ticket.offset,
                "messaging.consumer.group.name": self._group,
            },
        )
        self._spans[ticket] = span
        carried: dict[str, str] = {}
        self._propagator.inject(carried, set_span_in_context(span))
        return tuple((name, value.encode()) for name, value in carried.items())

    def finish(self, outcome: Outcome) -> str | None:
        """End the span of an answered record; its trace id in hexadecimal, if it is recorded."""
        span = self._spans.pop(outcome.ticket, None)
        if span is None or not span.is_recording():
            return None
        span.set_attribute("speakerstream.recording_id", outcome.recording_id)
        span.set_attribute("speakerstream.chunk_id", outcome.chunk_id)
        for stage, seconds in outcome.seconds.items():
            span.set_attribute(f"speakerstream.stage.{stage}.seconds", seconds)
        if outcome.reason is not None:
            span.set_attribute("error.type", outcome.reason.value)
            span.set_status(Status(StatusCode.ERROR, cut(outcome.message)))
        span.end()
        return f"{span.get_span_context().trace_id:032x}"

    def drop(self, partitions: Collection[int]) -> None:
        """End the spans of records that were given up with their partition."""
        for ticket in [t for t in self._spans if t.partition in partitions]:
            span = self._spans.pop(ticket)
            span.set_status(Status(StatusCode.ERROR, "the partition was taken away"))
            span.end()

    def batch(self, tickets: Sequence[Ticket], audio_s: float, seconds: float) -> None:
        """A batch that took `seconds` just ended."""
        spans = [span for ticket in tickets if (span := self._spans.get(ticket)) is not None]
        end = time.time_ns()
        self._tracer.start_span(
            "infer batch",
            Context(),
            links=[Link(span.get_span_context()) for span in spans],
            attributes={
                "speakerstream.batch.chunks": len(tickets),
                "speakerstream.batch.audio_seconds": audio_s,
            },
            start_time=end - int(seconds * _NS),
        ).end(end)

    def close(self) -> None:
        """Send what has ended; bounded by the exporter's own timeouts."""
        self._provider.shutdown()


def from_environment(environment: Mapping[str, str], group: str) -> Tracer | None:
    """The tracer OpenTelemetry's variables ask for, or None.

    Tracing is on when `OTEL_TRACES_EXPORTER` is `otlp` or `console`, or when it is unset and an
    OTLP endpoint is named; `OTEL_SDK_DISABLED=true` turns it off. Sampler, endpoint, headers and
    resource attributes are read by the SDK from its own variables.

    Raises FatalError(SETTINGS) for an exporter or a protocol that is not built in.
    """
    kind = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if not kind and any(environment.get(name) for name in _ENDPOINTS):
        kind = "otlp"
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or kind in ("", "none"):
        return None
    resource = Resource.create()
    if "OTEL_SERVICE_NAME" not in environment and "service.name" not in environment.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    ):
        resource = resource.merge(Resource({SERVICE_NAME: "speakerstream-consumer"}))
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(_exporter(kind, environment)))
    return Tracer(provider, group)


def _exporter(kind: str, environment: Mapping[str, str]) -> SpanExporter:
    if kind == "console":
        return ConsoleSpanExporter()
    if kind != "otlp":
        raise FatalError(
            ExitCode.SETTINGS, f"OTEL_TRACES_EXPORTER={kind}: use otlp, console or none"
        )
    protocol = next((environment[name] for name in _PROTOCOLS if name in environment), None)
    if protocol not in (None, "http/protobuf"):
        raise FatalError(
            ExitCode.SETTINGS,
            f"OTLP over {protocol} is not built in: use http/protobuf (port 4318 of a collector)",
        )
    # Late: brings an HTTP client along, which nobody without a collector needs.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()
