"""Exactly once through kill -9 at every named point, on Apache Kafka."""

from pathlib import Path
from typing import get_args

import pytest

from consumer.faults import Point
from tests.brokers.fixtures import Broker
from tests.service.installation import Installation
from tests.service.lives import NOTHING_WRONG, live_and_die, verdict

IN_TRANSACTION = ("after_begin", "after_produce", "after_send_offsets", "in_commit")
# Killed when the point is passed for the n-th time in a life: late enough that each life commits
# something, or its chunks would count as those that kill the process.
NTH = {
    "after_poll": (9, 7, 11, 8, 12, 7, 10, 9, 11, 8),
    "after_fetch": (30, 25, 40, 33, 26, 37, 29, 41, 35, 28),
    "after_inference": (25, 20, 30, 22, 35, 28, 33, 21, 27, 24),
    "in_revoke": (1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
    "in_dead_letter": (3, 4, 3, 5, 4, 3, 6, 4, 3, 5),
} | dict.fromkeys(IN_TRANSACTION, (4, 5, 7, 6, 4, 8, 5, 4, 6, 7))


@pytest.fixture
def installation(kafka_broker: Broker, unique: str, tmp_path: Path) -> Installation:
    """Two partitions, no events yet."""
    return Installation(kafka_broker.bootstrap, unique, tmp_path, partitions=2)


def test_every_point_is_killed() -> None:
    assert set(NTH) == set(get_args(Point))


@pytest.mark.timeout(400)
def test_a_kill_at_each_point_loses_and_repeats_nothing(
    installation: Installation, tmp_path: Path
) -> None:
    faults = [f"{point}:{times[0]}" for point, times in NTH.items()]
    published = live_and_die(installation, tmp_path, faults)
    assert verdict(installation, published) == NOTHING_WRONG


@pytest.mark.parts
@pytest.mark.timeout(900)
@pytest.mark.parametrize("point", NTH)
def test_ten_kills_at_each_point_lose_and_repeat_nothing(
    installation: Installation, tmp_path: Path, point: str
) -> None:
    published = live_and_die(installation, tmp_path, [f"{point}:{n}" for n in NTH[point]])
    assert verdict(installation, published) == NOTHING_WRONG


def test_offsets_outside_the_transaction_are_seen_to_lose(
    installation: Installation, tmp_path: Path
) -> None:
    """The same test with the promise broken: it must be able to tell."""
    faults = [f"after_send_offsets:{n}" for n in NTH["after_send_offsets"][:2]]
    published = live_and_die(
        installation, tmp_path, faults, module="tests.service.outside_transaction"
    )
    assert verdict(installation, published)["lost"] > 0


def test_a_lost_producer_is_replaced_and_its_transaction_looked_up(
    installation: Installation, tmp_path: Path
) -> None:
    """No life ends: whether the transaction took effect is what the group's offsets say."""
    published = live_and_die(installation, tmp_path, [], module="tests.service.lost_producer")
    assert verdict(installation, published) == NOTHING_WRONG
    log = (tmp_path / "log-last").read_text()
    assert log.count("producer_lost") >= 5
