"""Exactly once through kill -9 inside the transaction, on Apache Kafka."""

import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.brokers.fixtures import Broker
from tests.service.installation import Installation, disorder
from tests.service.process import ServiceProcess

CHUNKS = 300
POINTS = ("after_produce", "after_send_offsets", "in_commit")
# Killed at the n-th burst of a life: some lives get further than others.
NTH = (2, 3, 5, 4, 2, 6, 3, 2, 4, 3)
_SIGKILL = -9


@pytest.fixture
def installation(kafka_broker: Broker, unique: str, tmp_path: Path) -> Installation:
    """Two partitions, no events yet."""
    return Installation(kafka_broker.bootstrap, unique, tmp_path, partitions=2)


class Stream(threading.Thread):
    """Publishes the chunks one after the other while the service is killed again and again."""

    def __init__(self, installation: Installation, go_on: threading.Event) -> None:
        super().__init__(daemon=True)
        self._installation = installation
        self._go_on = go_on

    def run(self) -> None:
        """Ten chunks at a time, as long as lives are left, then the rest."""
        for first in range(0, CHUNKS, 10):
            chunks = [self._installation.chunk(n) for n in range(first, first + 10)]
            self._installation.publish(*chunks)
            self._go_on.wait(1.0)


def _live_and_die(
    installation: Installation, folder: Path, lives: list[str], module: str = "consumer"
) -> None:
    """One life of the service per fault, under a stream of chunks, then one that finishes."""
    fed_up = threading.Event()
    stream = Stream(installation, fed_up)
    stream.start()
    environment = {
        **installation.environment,
        "SPEAKERSTREAM_WINDOW": "8",  # small bursts, many of them
        "SPEAKERSTREAM_COMMIT_INTERVAL_S": "0.02",
        "SPEAKERSTREAM_BURST_BYTES": "20000",
    }
    for life, fault in enumerate(lives):
        armed = {**environment, "SPEAKERSTREAM_FAULT": fault}
        with ServiceProcess(armed, folder / f"log{life}", module=module) as service:
            assert service.wait() == _SIGKILL, service.said()[-2000:]
    fed_up.set()
    stream.join()
    with ServiceProcess(environment, folder / "log-last", module=module) as service:
        installation.await_committed(CHUNKS, deadline_s=60)
        service.terminate()


def _verdict(installation: Installation) -> dict[str, int]:
    results = installation.results()
    seen = Counter(r.chunk_id for r in results)
    return {
        "lost": CHUNKS - len(seen),
        "duplicated": sum(times - 1 for times in seen.values()),
        "out of order": len(disorder(results)),
        "dead letters": len(installation.read(installation.topics.dead_letters)),
    }


NOTHING_WRONG = {"lost": 0, "duplicated": 0, "out of order": 0, "dead letters": 0}


def test_kills_inside_the_transaction_lose_and_repeat_nothing(
    installation: Installation, tmp_path: Path
) -> None:
    _live_and_die(installation, tmp_path, [f"{p}:{n}" for p in POINTS for n in NTH[:1]])
    assert _verdict(installation) == NOTHING_WRONG


@pytest.mark.parts
@pytest.mark.timeout(600)
@pytest.mark.parametrize("point", POINTS)
def test_ten_kills_at_each_point_lose_and_repeat_nothing(
    installation: Installation, tmp_path: Path, point: str
) -> None:
    _live_and_die(installation, tmp_path, [f"{point}:{n}" for n in NTH])
    assert _verdict(installation) == NOTHING_WRONG


def test_offsets_outside_the_transaction_are_seen_to_lose(
    installation: Installation, tmp_path: Path
) -> None:
    """The same test with the promise broken: it must be able to tell."""
    lives = [f"after_send_offsets:{n}" for n in NTH[:2]]
    _live_and_die(installation, tmp_path, lives, module="tests.service.outside_transaction")
    assert _verdict(installation)["lost"] > 0
