"""A rolling restart with static membership, as the Kubernetes manifests set it up."""

import json
from pathlib import Path

import pytest

from consumer.errors import ExitCode
from tests.brokers.fixtures import Broker
from tests.integration.telemetry.pages import ObservedService
from tests.service.installation import Installation, disorder
from tests.waiting import until

pytestmark = pytest.mark.parts

PARTITIONS = 4
CHUNKS = 48


def _member(installation: Installation, name: str, log: Path) -> ObservedService:
    static = {"group.instance.id": name, "session.timeout.ms": "60000"}
    settings = {
        "SPEAKERSTREAM_INSTANCE_ID": name,
        "SPEAKERSTREAM_KAFKA_CONSUMER": json.dumps(static),
    }
    return ObservedService({**installation.environment, **settings}, log)


def _await_half(member: ObservedService) -> None:
    until(lambda: member.value("assigned_partitions") == PARTITIONS / 2, member.said)


def test_the_others_keep_their_partitions_and_nothing_is_lost_or_doubled(
    kafka_broker: Broker, unique: str, tmp_path: Path
) -> None:
    installation = Installation(kafka_broker.bootstrap, unique, tmp_path, PARTITIONS)
    with _member(installation, "0", tmp_path / "0") as other:
        with _member(installation, "1", tmp_path / "1") as old:
            _await_half(other)
            _await_half(old)
            installation.publish(*(installation.chunk(n) for n in range(CHUNKS)))
            # Recordings need not lie in every partition: any of the two may have begun.
            until(lambda: old.value("chunks_total") + other.value("chunks_total") > 0, old.said)
            changes = other.value("rebalances_total")
            assert old.terminate() == ExitCode.OK
        installation.publish(*(installation.chunk(n) for n in range(CHUNKS, 2 * CHUNKS)))
        with _member(installation, "1", tmp_path / "new") as new:
            _await_half(new)
            installation.await_results(2 * CHUNKS)
            assert other.value("rebalances_total") == changes, "nothing was taken from it"
            assert other.terminate() == ExitCode.OK
            assert new.terminate() == ExitCode.OK
    installation.await_committed(2 * CHUNKS)
    results = installation.results()
    assert sorted(r.chunk_id for r in results) == sorted(f"chunk-{n}" for n in range(2 * CHUNKS))
    assert not disorder(results)
