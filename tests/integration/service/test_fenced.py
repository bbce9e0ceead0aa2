"""A producer fenced by time goes on; one fenced by another process ends, on Apache Kafka."""

from pathlib import Path

import pytest

from consumer.errors import ExitCode
from tests.brokers.fixtures import Broker
from tests.service.installation import Installation, disorder
from tests.service.process import ServiceProcess

CHUNKS = 20


@pytest.fixture
def installation(kafka_broker: Broker, unique: str, tmp_path: Path) -> Installation:
    """One partition, no events yet."""
    return Installation(kafka_broker.bootstrap, unique, tmp_path)


def _answered_once(installation: Installation, published: int) -> bool:
    results = installation.results()
    once = len({r.chunk_id for r in results}) == len(results) == published
    return once and not disorder(results)


def test_a_transaction_that_timed_out_is_published_by_a_new_producer(
    installation: Installation, tmp_path: Path
) -> None:
    installation.publish(*(installation.chunk(number) for number in range(CHUNKS)))
    environment = {**installation.environment, "SPEAKERSTREAM_TRANSACTION_TIMEOUT_S": "2"}
    with ServiceProcess(environment, tmp_path / "log", module="tests.service.overdue") as service:
        service.await_line("producer_lost", timeout_s=60)
        installation.await_committed(CHUNKS)
        assert service.terminate() == ExitCode.OK
    assert _answered_once(installation, CHUNKS)


def test_a_process_whose_place_was_taken_ends(installation: Installation, tmp_path: Path) -> None:
    """Both have the same instance_id; whoever came last goes on."""
    with ServiceProcess(installation.environment, tmp_path / "first") as first:
        first.await_line("partitions_assigned")
        with ServiceProcess(installation.environment, tmp_path / "second") as second:
            second.await_line('"started"')
            installation.publish(*(installation.chunk(number) for number in range(CHUNKS)))
            assert first.wait() == ExitCode.FENCED
            assert "instance_id" in first.said()
            installation.await_committed(CHUNKS)
            assert second.terminate() == ExitCode.OK
    assert _answered_once(installation, CHUNKS)
