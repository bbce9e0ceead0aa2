"""Each part wedged for real turns /livez red; waiting for others never does."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from producer_tools.loopback import free_port
from tests.audio_samples import sound
from tests.brokers.fixtures import Broker
from tests.integration.telemetry.pages import ObservedService
from tests.service.engines import POISON_SAMPLES
from tests.service.installation import Installation
from tests.service.process import ServiceProcess
from tests.waiting import until

DEADLINE_S = 4.0

STRICT = {
    "SPEAKERSTREAM_LIVE_POLL_S": str(DEADLINE_S),
    "SPEAKERSTREAM_LIVE_PROGRESS_S": str(DEADLINE_S),
    "SPEAKERSTREAM_LIVE_STABILITY_S": str(DEADLINE_S),
}


@pytest.fixture
def installation(kafka_broker: Broker, unique: str, tmp_path: Path) -> Installation:
    """One partition, no events yet."""
    return Installation(kafka_broker.bootstrap, unique, tmp_path)


def environment(installation: Installation, **more: str) -> dict[str, str]:
    """Settings with short deadlines, for all but what `more` says."""
    statistics = '{"session.timeout.ms": "6000", "statistics.interval.ms": "500"}'
    return {
        **installation.environment,
        **STRICT,
        "SPEAKERSTREAM_KAFKA_CONSUMER": statistics,
        **{f"SPEAKERSTREAM_{name}": value for name, value in more.items()},
    }


def children(pid: int) -> list[int]:
    """Processes that `pid` started and that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (entry / "stat").exists():
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def is_live(service: ObservedService) -> None:
    """Takes part and is green: joining may have taken longer than these short deadlines allow."""
    service.await_status("/readyz", 200)
    service.await_status("/livez", 200)


def turns_red(service: ObservedService, since: float, because: str) -> None:
    """Red once the deadline has passed, and in the end for this reason alone.

    Others may come and go: a busy machine can keep any thread from running for a while.
    """
    service.await_problem("/livez", because)
    assert time.monotonic() - since > DEADLINE_S - 1


def test_a_wedged_owner_loop(installation: Installation, tmp_path: Path) -> None:
    module = "tests.integration.telemetry.wedged_owner"
    with ObservedService(environment(installation), tmp_path / "log", module=module) as service:
        is_live(service)
        wedged_at = time.monotonic()
        installation.publish(installation.chunk(0))
        turns_red(service, wedged_at, "polling")


def test_a_wedged_inference_thread(installation: Installation, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, POISON_SAMPLES).astype(np.float32)
    poison = installation.chunk(0, uri=installation.store("poison.wav", sound(noise)))
    hanging = environment(installation, ENGINE="tests.service.engines:hanging")
    with ObservedService(hanging, tmp_path / "log") as service:
        is_live(service)
        wedged_at = time.monotonic()
        installation.publish(poison)
        turns_red(service, wedged_at, "progress")


def test_a_wedged_decoder_pool_and_its_recovery(installation: Installation, tmp_path: Path) -> None:
    one = environment(installation, DECODE_WORKERS="1")
    with ObservedService(one, tmp_path / "log") as service:
        is_live(service)
        installation.publish(installation.chunk(0))
        installation.await_results(1)
        decoders = children(service.pid)
        assert len(decoders) == 1
        os.kill(decoders[0], signal.SIGSTOP)
        wedged_at = time.monotonic()
        installation.publish(installation.chunk(1))
        turns_red(service, wedged_at, "progress")
        os.kill(decoders[0], signal.SIGCONT)
        service.await_status("/livez", 200)
        assert {r.status for r in installation.await_results(2)} == {"diarized"}


def test_a_rebalance_that_never_settles(installation: Installation, tmp_path: Path) -> None:
    patient = environment(
        installation,
        INSTANCE_ID="stopped",
        KAFKA_CONSUMER='{"session.timeout.ms": "120000"}',
    )
    with ServiceProcess(patient, tmp_path / "stopped") as other:
        other.await_line("partitions_assigned")
        # For as long as its session lasts the group waits for a member that answers nothing.
        os.kill(other.pid, signal.SIGSTOP)
        with ObservedService(environment(installation), tmp_path / "log") as service:
            service.await_problem("/livez", "stability")
            assert service.get("/readyz")[0] == 503


def test_idle_topic_store_outage_and_grace_time_are_no_reason_to_kill(
    installation: Installation, tmp_path: Path
) -> None:
    store = f"http://127.0.0.1:{free_port()}"  # nobody listens
    waiting = environment(
        installation,
        ALLOWED_PREFIXES=f'["{store}", "file://{tmp_path}"]',
        ALLOW_PRIVATE_HOSTS="true",
    )
    with ObservedService(waiting, tmp_path / "log") as service:
        is_live(service)
        assert stays_green(service, 1.5 * DEADLINE_S), "an idle topic"
        installation.publish(
            installation.chunk(0, uri=(tmp_path / "not-yet.wav").as_uri()),
            installation.chunk(1, uri=f"{store}/1.wav"),
        )
        service.await_line("retrying")
        assert stays_green(service, 2 * DEADLINE_S), "an object and a store that are away"
        assert service.value("retries_total", cause="object_missing") >= 1
        assert service.value("retries_total", cause="infrastructure") >= 1
        assert service.value("consumer_lag_seconds") > DEADLINE_S


def stays_green(service: ObservedService, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if service.get("/livez")[0] != 200 or service.get("/readyz")[0] != 200:
            return False
        time.sleep(0.2)
    return True


def test_a_member_without_partitions_is_ready(installation: Installation, tmp_path: Path) -> None:
    first = environment(installation)
    second = {**first, "SPEAKERSTREAM_INSTANCE_ID": "1"}
    with (
        ObservedService(first, tmp_path / "first") as one,
        ObservedService(second, tmp_path / "second") as two,
    ):
        for service in (one, two):
            service.await_status("/readyz", 200)

        def owned() -> list[float]:
            return sorted(each.value("assigned_partitions") for each in (one, two))

        until(lambda: owned() == [0, 1], owned)
        assert two.terminate() == 0
