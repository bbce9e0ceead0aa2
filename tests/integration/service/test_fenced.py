"""Processes that were given up: by the coordinator, by the group, for another process."""

import os
import time
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import pytest
from confluent_kafka.admin import AdminClient

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


def test_a_process_that_the_group_gave_up_still_stops_cleanly(
    installation: Installation, tmp_path: Path
) -> None:
    """Frozen in the midst of its work, and told to stop while it was."""
    environment = {
        **installation.environment,
        "SPEAKERSTREAM_ENGINE": "tests.service.engines:slow",
        "SLOW_ENGINE_S": "0.2",
        "SPEAKERSTREAM_MAX_BATCH_AUDIO_S": "0.5",  # one chunk
        "SPEAKERSTREAM_KAFKA_CONSUMER": (
            '{"session.timeout.ms": "1500", "heartbeat.interval.ms": "300"}'
        ),
    }
    installation.publish(*(installation.chunk(number) for number in range(CHUNKS)))
    with ServiceProcess(environment, tmp_path / "frozen") as frozen:
        frozen.await_line("chunk_diarized")
        os.kill(frozen.pid, SIGSTOP)
        _await_no_member(installation)
        with ServiceProcess(
            {**environment, "SPEAKERSTREAM_INSTANCE_ID": "1"}, tmp_path / "other"
        ) as other:
            installation.await_committed(CHUNKS)
            os.kill(frozen.pid, SIGCONT)
            assert frozen.terminate() == ExitCode.OK
            assert other.terminate() == ExitCode.OK
    assert _answered_once(installation, CHUNKS)


def _await_no_member(installation: Installation) -> None:
    admin = AdminClient({"bootstrap.servers": installation.bootstrap})
    deadline = time.monotonic() + 60
    while admin.describe_consumer_groups([installation.name])[installation.name].result().members:
        assert time.monotonic() < deadline, "the group still has its member"
        time.sleep(0.2)
