"""The storm for a minute, half of it with each group protocol. `make chaos` is the long form."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.kafka import KafkaCluster
from tests.chaos.run import Plan, Protocol, storm_on

SECONDS = 30.0  # for each protocol
RATE = 20.0
PAUSE_S = 1.0


@pytest.fixture(scope="module")
def cluster(kafka_jars: None, announce: Callable[[str], None]) -> Iterator[KafkaCluster]:
    """Three brokers, shared by both protocols."""
    announce("starting three brokers for a minute of storm")
    with KafkaCluster(brokers=3) as made:
        yield made


@pytest.mark.timeout(900)
@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_storm_loses_and_repeats_nothing(
    cluster: KafkaCluster, protocol: Protocol, tmp_path: Path
) -> None:
    report = storm_on(cluster, None, Plan(protocol, "storm", SECONDS, 3, RATE, PAUSE_S), tmp_path)
    assert report["flawless"], json.dumps(report, indent=1, default=str)
    assert report["inputs"] >= SECONDS * RATE
    assert sum(report["actions"].values()) > 1  # it was a storm
