"""delivery=at-least-once: nothing lost, duplicates only after a failure, same event ids."""

import time
from collections import defaultdict
from pathlib import Path

import pytest

from consumer.errors import ExitCode
from deploy.kafka import KafkaCluster
from tests.brokers.fixtures import Broker
from tests.service.installation import Installation, disorder
from tests.service.lives import live_and_die
from tests.service.process import ServiceProcess

SETTINGS = {"SPEAKERSTREAM_DELIVERY": "at-least-once"}
CHUNKS = 40


@pytest.fixture
def installation(broker: Broker, unique: str, tmp_path: Path) -> Installation:
    """Two partitions, no events yet."""
    return Installation(broker.bootstrap, unique, tmp_path, partitions=2)


def test_without_a_failure_nothing_comes_twice(installation: Installation, tmp_path: Path) -> None:
    installation.publish(*(installation.chunk(number) for number in range(CHUNKS)))
    with ServiceProcess({**installation.environment, **SETTINGS}, tmp_path / "log") as service:
        installation.await_results(CHUNKS)
        assert service.terminate() == ExitCode.OK
    results = installation.results()
    assert len(results) == len({r.chunk_id for r in results}) == CHUNKS
    assert not disorder(results)
    assert sum(installation.committed().values()) == CHUNKS


def test_kills_lose_nothing_and_what_repeats_has_the_same_ids(
    installation: Installation, tmp_path: Path
) -> None:
    faults = ["after_produce:4", "in_commit:5", "after_send_offsets:4"]
    published = live_and_die(installation, tmp_path, faults, settings=SETTINGS)
    results = installation.results()
    events: dict[str, set[str]] = defaultdict(set)
    for result in results:
        events[result.chunk_id].add(result.event_id)
    assert len(events) == published
    assert {len(ids) for ids in events.values()} == {1}
    # Killed once between the outputs and their offsets: at least that burst came again, and at
    # most what each of three lives can have in flight.
    assert 0 < len(results) - published <= 3 * 2 * (8 + 32)


def test_an_outage_repeats_nothing(kafka_jars: None, unique: str, tmp_path: Path) -> None:
    """A burst whose outcome is unknown is waited for, not produced again."""
    with KafkaCluster() as kafka:
        installation = Installation(kafka.bootstrap, unique, tmp_path)
        environment = {
            **installation.environment,
            **SETTINGS,
            "SPEAKERSTREAM_ENGINE": "tests.service.engines:slow",
            "SLOW_ENGINE_S": "0.1",
            "SPEAKERSTREAM_TRANSACTION_TIMEOUT_S": "1",
            "SPEAKERSTREAM_KAFKA_CONSUMER": '{"session.timeout.ms": "30000"}',
        }
        installation.publish(*(installation.chunk(number) for number in range(CHUNKS)))
        with ServiceProcess(environment, tmp_path / "log") as service:
            service.await_line("chunk_diarized")
            kafka.suspend(1)
            service.await_line("commit_delayed")
            time.sleep(3)
            kafka.resume(1)
            installation.await_committed(CHUNKS)
            assert service.terminate() == ExitCode.OK
        results = installation.results()
    assert len(results) == len({r.chunk_id for r in results}) == CHUNKS
    assert not disorder(results)
