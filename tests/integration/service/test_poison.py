"""What kills or wedges the process, and how it ends."""

from pathlib import Path
from signal import SIGKILL, SIGSEGV

import numpy as np
import pytest

from consumer.errors import ExitCode, Reason
from consumer.kafka.attempts import GIVE_UP_AFTER
from tests.audio_samples import sound
from tests.brokers.fixtures import Broker
from tests.service.engines import POISON_SAMPLES
from tests.service.installation import Installation
from tests.service.process import ServiceProcess
from tests.waiting import until

CHUNKS = 30
POISON = 17


@pytest.fixture
def installation(kafka_broker: Broker, unique: str, tmp_path: Path) -> Installation:
    """A topic with one chunk that does harm in the midst of others."""
    made = Installation(kafka_broker.bootstrap, unique, tmp_path)
    noise = np.random.default_rng(0).normal(0, 0.1, POISON_SAMPLES).astype(np.float32)
    poison = made.chunk(POISON, uri=made.store("poison.wav", sound(noise)))
    good = [made.chunk(number) for number in range(CHUNKS)]
    made.publish(*good[:POISON], poison, *good[POISON + 1 :])
    return made


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("engine", "signal"),
    [("crashing", SIGSEGV), pytest.param("greedy", SIGKILL, marks=pytest.mark.parts)],
)
def test_a_chunk_that_kills_the_process_is_isolated_and_dead_lettered(
    installation: Installation, tmp_path: Path, engine: str, signal: int
) -> None:
    environment = {
        **installation.environment,
        "SPEAKERSTREAM_ENGINE": f"tests.service.engines:{engine}",
        # Else a slow machine commits chunks before the harmful one, and such a death is forgiven.
        "SPEAKERSTREAM_COMMIT_INTERVAL_S": "30",
    }
    deaths, given_up = 0, False
    while not given_up:
        with ServiceProcess(environment, tmp_path / f"log{deaths}") as service:
            until(lambda: not service.running or "chunk_failed" in service.said(), service.said)
            if given_up := "chunk_failed" in service.said():
                installation.await_committed(CHUNKS)
                assert service.terminate() == ExitCode.OK
            else:
                assert service.wait() == -signal
                deaths += 1
    assert GIVE_UP_AFTER <= deaths <= GIVE_UP_AFTER + POISON
    results = installation.results()
    assert len(results) == CHUNKS
    assert len({r.chunk_id for r in results}) == CHUNKS
    failed = [r for r in results if r.status == "failed"]
    assert [(r.chunk_id, r.reason, r.attempts) for r in failed] == [
        (f"chunk-{POISON}", Reason.KILLS_PROCESS.value, GIVE_UP_AFTER)
    ]
    assert len(installation.read(installation.topics.dead_letters)) == 1


def test_kills_while_a_chunk_waits_for_the_store_do_not_accuse_it(
    kafka_broker: Broker, unique: str, tmp_path: Path
) -> None:
    made = Installation(kafka_broker.bootstrap, unique, tmp_path)
    made.publish(*(made.chunk(number) for number in range(CHUNKS)))
    objects = [path.rename(path.with_suffix(".away")) for path in tmp_path.glob("*.flac")]
    for life in range(GIVE_UP_AFTER + 1):
        with ServiceProcess(made.environment, tmp_path / f"log{life}") as service:
            service.await_line("retrying")
            service.kill()
    for path in objects:
        path.rename(path.with_suffix(".flac"))
    with ServiceProcess(made.environment, tmp_path / "log-last") as service:
        results = made.await_results(CHUNKS)
        assert service.terminate() == ExitCode.OK
    assert {(r.status, r.attempts) for r in results} == {("diarized", 1)}
    assert made.read(made.topics.dead_letters) == []


@pytest.mark.parametrize(
    ("engine", "code", "sentence"),
    [("hanging", ExitCode.STALLED, "inferring"), ("broken", ExitCode.WORKER_DIED, "device")],
)
def test_a_stall_or_a_dead_thread_ends_the_process_with_its_own_code(
    installation: Installation, tmp_path: Path, engine: str, code: ExitCode, sentence: str
) -> None:
    environment = {
        **installation.environment,
        "SPEAKERSTREAM_ENGINE": f"tests.service.engines:{engine}",
        "SPEAKERSTREAM_STALL_TIMEOUT_S": "8",  # no decoder that starts takes so long
    }
    with ServiceProcess(environment, tmp_path / "log") as service:
        assert service.wait() == code
        assert sentence in service.said()
