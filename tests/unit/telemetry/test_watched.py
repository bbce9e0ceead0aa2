"""Ends of transactions and answers of the registry are counted by what they were."""

import sys
import types

import pytest
from prometheus_client.openmetrics.exposition import generate_latest

from consumer.errors import ExitCode, FatalError, Reason, TransientError
from consumer.events import Topics
from consumer.inference.results import Models
from consumer.kafka.offsets import Burst
from consumer.kafka.transaction import Outcome as Ended
from consumer.pipeline.job import Outcome, Stage
from consumer.records import Ticket
from consumer.telemetry.health import Deadlines
from consumer.telemetry.metrics import Metrics
from consumer.telemetry.telemetry import Telemetry
from consumer.telemetry.tracing import Tracer
from consumer.telemetry.watched import WatchedCommitter, WatchedRegistry, counting_losses
from schemas.errors import RegistryUnavailableError, UnknownSchemaError


class FailingCommitter:
    """Raises what it is given."""

    pending: Burst | None = None

    def __init__(self, error: Exception) -> None:
        self._error = error

    def start(self, timeout_s: float) -> None:
        raise self._error

    def commit(self, burst: Burst, timeout_s: float) -> Ended:
        raise self._error


def _count(metrics: Metrics, sample: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"speakerstream_{sample}", labels)


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (FatalError(ExitCode.FENCED, "x"), "fenced"),
        (FatalError(ExitCode.KAFKA, "x"), "fatal"),
        (TransientError("x"), None),
    ],
)
def test_fatal_ends_are_counted_and_go_on(error: Exception, result: str | None) -> None:
    metrics = Metrics(["out"])
    committer = WatchedCommitter(FailingCommitter(error), metrics)
    with pytest.raises(type(error)):
        committer.commit(Burst(()), 1.0)
    with pytest.raises(type(error)):
        committer.start(1.0)
    for name in ("fenced", "fatal"):
        expected = 2 if name == result else 0
        assert _count(metrics, "transactions_total", result=name) == expected


def test_a_replaced_producer_counts_as_a_lost_transaction() -> None:
    metrics = Metrics(["out"])
    make = counting_losses(lambda: None, metrics)  # type: ignore[arg-type, return-value]
    make()
    assert _count(metrics, "transactions_total", result="lost") == 0
    make()
    assert _count(metrics, "transactions_total", result="lost") == 1


class MoodyRegistry:
    """Knows schema 1; the registry is away for schema 503."""

    def schema(self, schema_id: int) -> str:
        if schema_id == 503:
            raise RegistryUnavailableError("away")
        if schema_id != 1:
            raise UnknownSchemaError("unknown")
        return "{}"

    def id_of(self, subject: str, schema: str) -> int:
        return 1


def test_the_registrys_answers_are_told_apart() -> None:
    metrics = Metrics(["out"])
    registry = WatchedRegistry(MoodyRegistry(), metrics)
    assert (registry.schema(1), registry.id_of("s", "{}")) == ("{}", 1)
    for schema_id in (2, 503):
        with pytest.raises((UnknownSchemaError, RegistryUnavailableError)):
            registry.schema(schema_id)
    counts = {
        answer: _count(metrics, "registry_request_duration_seconds_count", answer=answer)
        for answer in ("found", "unknown", "unavailable")
    }
    assert counts == {"found": 2, "unknown": 1, "unavailable": 1}


def _memory_once_loaded() -> float | None:
    metrics = Metrics(["out"])
    metrics.describe(Models("d", "e", "0", "0", None, None, "0"))
    return _count(metrics, "device_memory_bytes")


def test_memory_of_a_gpu_is_shown_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert _memory_once_loaded() == 0
    cuda = types.SimpleNamespace(is_available=lambda: True, memory_reserved=lambda: 5 << 30)
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(cuda=cuda))
    assert _memory_once_loaded() == 5 << 30


def test_a_scrape_while_torch_is_being_imported_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))
    assert _count(Metrics(["out"]), "device_memory_bytes") == 0


class FixedTracer(Tracer):
    """Every chunk has the same trace."""

    def __init__(self) -> None:
        """No provider."""

    def finish(self, outcome: Outcome) -> str | None:
        return "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_traced_chunk_is_the_exemplar_of_its_bucket() -> None:
    telemetry = Telemetry(Topics(), Deadlines(1, 1, 1), FixedTracer())
    telemetry.answered(
        [
            Outcome(
                ticket=Ticket(0, 0, 0),
                recording_id="r",
                chunk_id="c",
                seconds={Stage.DECODING: 0.3},
                outputs=(),
                reason=Reason.NOT_AUDIO,
            )
        ]
    )
    text = generate_latest(telemetry.metrics.registry).decode()  # type: ignore[no-untyped-call]
    [line] = [
        line
        for line in text.splitlines()
        if line.startswith("speakerstream_stage_duration_seconds_bucket") and "trace_id" in line
    ]
    assert 'le="0.5"' in line
    assert '# {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} 0.3 ' in line
