"""What a running service exposes: the documented metrics, with the right values."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from consumer import telemetry
from consumer.errors import ExitCode
from tests.brokers.fixtures import Broker
from tests.integration.telemetry.pages import ObservedService
from tests.service.installation import Installation
from tests.service.process import ServiceProcess
from tests.waiting import until

GOOD = 24
PARTITIONS = 3
README = Path(telemetry.__file__).with_name("README.md")


@dataclass(frozen=True)
class Observed:
    """A service that has answered everything published."""

    installation: Installation
    service: ObservedService


@pytest.fixture(scope="module")
def observed(kafka_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    folder = tmp_path_factory.mktemp("metrics")
    installation = Installation(
        kafka_broker.bootstrap, f"metrics-{folder.name}", folder, PARTITIONS
    )
    installation.publish(*(installation.chunk(number) for number in range(GOOD - 1)))
    misplaced, junk = installation.chunk(GOOD - 1), b"junk"
    installation.publish_raw((b"another", installation.encoder.encode(misplaced)), (b"k", junk))
    with ObservedService(installation.environment, folder / "log") as service:
        installation.await_committed(GOOD + 1)
        # The snapshot of the owner loop is renewed each second.
        until(lambda: lag(service) == dict.fromkeys("012", 0.0), lambda: lag(service))
        until(lambda: service.value("consumer_lag_seconds") == 0, service.said)
        yield Observed(installation, service)


def lag(service: ObservedService) -> dict[str, float]:
    """Records by partition."""
    family = service.metrics()["speakerstream_consumer_lag_records"]
    return {sample.labels["partition"]: sample.value for sample in family.samples}


def documented() -> dict[str, tuple[str, frozenset[str]]]:
    """The README's table: type and labels of each sample."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]*)\|", README.read_text(), re.MULTILINE)
    return {
        name: (kind, frozenset(label.strip() for label in labels.split(",") if label.strip()))
        for name, kind, labels in rows
    }


def test_the_readme_lists_exactly_what_is_exposed(observed: Observed) -> None:
    exposed: dict[str, tuple[str, frozenset[str]]] = {}
    for family in observed.service.metrics().values():
        if family.name.startswith("process_"):
            continue
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        exposed[name] = (family.type, frozenset(labels))
    expected = documented()
    # It has a series per error, and there was none.
    assert "speakerstream_kafka_client_errors_total" in expected
    exposed["speakerstream_kafka_client_errors_total"] = ("counter", frozenset({"error"}))
    assert exposed == expected


def test_what_was_done_is_counted(observed: Observed) -> None:
    value, installation = observed.service.value, observed.installation
    results = installation.results()
    segments = [s for result in results for s in result.segments]
    assert value("records_consumed_total") == GOOD + 1
    assert value("chunks_total", outcome="diarized") == GOOD
    assert value("chunks_total", outcome="failed") == 1
    assert value("dead_letters_total", reason="malformed_event") == 1
    assert value("dead_letters_total") == 1
    assert value("key_mismatches_total") == 1
    assert value("audio_seconds_total") == pytest.approx(GOOD * 0.5)
    assert value("fetched_bytes_total") == sum(
        path.stat().st_size for path in installation.folder.glob("*.flac")
    )
    topics = installation.topics
    assert value("events_published_total", topic=topics.chunk_results) == GOOD + 1
    assert value("events_published_total", topic=topics.speaker_segments) == len(segments)
    assert value("segment_confidence_count") == len(segments)
    assert value("chunk_speakers_count") == GOOD
    assert value("chunk_speakers_sum") == sum(len(r.speakers_detected) for r in results)
    assert value("batch_chunks_sum") == GOOD
    assert value("stage_duration_seconds_count", stage="inferring") == GOOD
    assert value("end_to_end_latency_seconds_count") == GOOD + 1
    assert value("transactions_total", result="committed") >= 1
    assert value("rebalances_total", kind="assigned") >= 1
    assert "key_is_not_recording_id" in observed.service.said()


def test_the_owner_loops_time_is_accounted_for(observed: Observed) -> None:
    """To within one turn of the loop, which is counted when it ends: at times on a busy machine."""
    began, before = time.monotonic(), observed.service.value("owner_seconds_total")

    def seconds() -> tuple[float, float]:
        spent = observed.service.value("owner_seconds_total") - before
        return spent, time.monotonic() - began

    def accounted_for() -> bool:
        spent, passed = seconds()
        return passed > 2 and spent == pytest.approx(passed, abs=0.7)

    until(accounted_for, seconds)


def test_lag_has_a_series_per_partition_and_is_zero_when_caught_up(observed: Observed) -> None:
    family = observed.service.metrics()["speakerstream_consumer_lag_records"]
    topic = observed.installation.topics.audio_chunks
    assert lag(observed.service) == {"0": 0, "1": 0, "2": 0}
    assert {s.labels["topic"] for s in family.samples} == {topic}
    assert observed.service.value("consumer_lag_seconds") == 0
    assert observed.service.value("assigned_partitions") == PARTITIONS


def test_info_tells_versions_and_models(observed: Observed) -> None:
    info = observed.service.info()
    assert info["models"]["diarization"] == "stand-in"
    assert info["versions"]["speakerstream"]
    assert info["settings"]["group_id"] == observed.installation.name


def test_lag_grows_while_nothing_is_answered_and_goes_with_the_partition(
    kafka_broker: Broker, unique: str, tmp_path: Path
) -> None:
    installation = Installation(kafka_broker.bootstrap, unique, tmp_path)
    slow = {
        **installation.environment,
        "SPEAKERSTREAM_ENGINE": "tests.service.engines:slow",
        "SLOW_ENGINE_S": "300",
    }
    installation.publish(*(installation.chunk(number) for number in range(5)))
    with ObservedService(slow, tmp_path / "log") as service:
        service.await_line("partitions_assigned")

        def value(name: str) -> float:
            return service.value(name)

        until(lambda: value("consumer_lag_records") == 5, service.said)
        until(lambda: value("inflight_records") == 5, service.said)
        first = service.value("consumer_lag_seconds", partition="0")
        until(lambda: value("consumer_lag_seconds") >= first + 1, service.said)


def test_lag_goes_on_growing_while_the_partition_is_paused(
    kafka_broker: Broker, unique: str, tmp_path: Path
) -> None:
    installation = Installation(kafka_broker.bootstrap, unique, tmp_path)
    full_at_once = {
        **installation.environment,
        "SPEAKERSTREAM_ENGINE": "tests.service.engines:slow",
        "SLOW_ENGINE_S": "60",
        "SPEAKERSTREAM_WINDOW": "1",
    }
    installation.publish(*(installation.chunk(number) for number in range(3)))
    with ObservedService(full_at_once, tmp_path / "log") as service:
        service.await_line("partitions_assigned")
        service.await_value("paused_partitions", 1)
        installation.publish(*(installation.chunk(number) for number in range(3, 10)))
        service.await_value("consumer_lag_records", 10)
        assert service.value("paused_partitions") == 1
        assert service.value("records_consumed_total") < 10


def test_a_port_in_use_is_named(observed: Observed, tmp_path: Path) -> None:
    taken = {"SPEAKERSTREAM_METRICS_PORT": str(observed.service.port)}
    environment = {**observed.installation.environment, **taken}
    with ServiceProcess(environment, tmp_path / "log") as service:
        assert service.wait() == ExitCode.SETTINGS
        assert "metrics_port" in service.said()
