"""Decoder processes that crash, hang, grow or are killed: real ones, by real means."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, wait
from pathlib import Path

import numpy as np
import pytest

from consumer.audio.decode import DecodeLimits, decode
from consumer.audio.pool import DecodePool, WorkerLimits
from consumer.errors import FatalError, PermanentError, Reason, TransientError
from tests.audio_samples import sound, tone
from tests.waiting import until

UNRULY = "tests.integration.audio.unruly:decode"
GOOD = sound(tone(1.0, 48_000, channels=2), 48_000, "FLAC")
LIMITS = WorkerLimits(cpu_s=20.0, memory_bytes=1024**3, wall_s=20.0)


@pytest.fixture
def pool() -> Iterator[DecodePool]:
    started = DecodePool(2, LIMITS, DecodeLimits(), decoder=UNRULY)
    yield started
    pids = started.pids()
    started.close(5.0)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def reason(pool: DecodePool, data: bytes) -> Reason:
    with pytest.raises(PermanentError) as caught:
        pool.submit(data).result(30)
    return caught.value.reason


def test_what_comes_back_is_what_decode_gives(pool: DecodePool) -> None:
    for channel in (None, 0, 1):
        waveform = pool.submit(GOOD, channel).result(30)
        assert np.array_equal(waveform, decode(GOOD, channel=channel))
        assert waveform.flags.writeable
    assert reason(pool, b"nonsense") is Reason.NOT_AUDIO
    with pytest.raises(PermanentError, match="channel 7 of 2") as caught:
        pool.submit(GOOD, 7).result(30)
    assert caught.value.reason is Reason.CHANNEL_OUT_OF_RANGE


@pytest.mark.parametrize(
    ("how", "sign"), [(b"segfault", "SIGSEGV"), (b"abort", "SIGABRT"), (b"exit", "code 0")]
)
def test_a_crash_costs_its_own_task_only(pool: DecodePool, how: bytes, sign: str) -> None:
    before = [pool.submit(b"nap:0.5"), *(pool.submit(GOOD) for _ in range(5))]
    crash = pool.submit(how)
    after = [pool.submit(GOOD) for _ in range(20)]
    with pytest.raises(PermanentError, match=sign) as caught:
        crash.result(30)
    assert caught.value.reason is Reason.DECODER_CRASHED
    assert all(len(future.result(30)) > 0 for future in before + after)
    assert pool.alive()


def test_many_crashes_in_a_row(pool: DecodePool) -> None:
    futures = [pool.submit(b"segfault" if number % 2 else GOOD) for number in range(20)]
    wait(futures, 60)
    for number, future in enumerate(futures):
        assert (future.exception(0) is not None) == bool(number % 2)
    assert pool.alive()
    assert len(pool.submit(GOOD).result(30)) == 16_000


def test_a_process_is_replaced_though_nobody_asks_for_it(pool: DecodePool) -> None:
    """Without a further task. How soon is up to the machine: a second, if it has little to do."""
    until(lambda: len(pool.pids()) == 2, pool.pids)
    before = set(pool.pids())
    with pytest.raises(PermanentError):
        pool.submit(b"segfault").result(30)
    until(lambda: len(set(pool.pids()) & before) == 1 and len(pool.pids()) == 2, pool.pids)


def test_a_hang_ends_and_its_mate_does_not_wait() -> None:
    limits = WorkerLimits(cpu_s=20.0, memory_bytes=1024**3, wall_s=3.0)
    pool = DecodePool(2, limits, DecodeLimits(), decoder=UNRULY)
    try:
        pool.submit(GOOD).result(30)
        hang = pool.submit(b"hang")
        for _ in range(3):
            pool.submit(GOOD).result(30)
        assert not hang.done()
        with pytest.raises(PermanentError, match="longer than 3 s") as caught:
            hang.result(30)
        assert caught.value.reason is Reason.DECODER_TIMEOUT
        assert len(pool.submit(GOOD).result(30)) == 16_000
    finally:
        pool.close(5.0)


def test_cpu_time_is_counted_per_task() -> None:
    limits = WorkerLimits(cpu_s=1.0, memory_bytes=1024**3, wall_s=60.0)
    pool = DecodePool(1, limits, DecodeLimits(), decoder=UNRULY)
    try:
        with pytest.raises(PermanentError, match="CPU") as caught:
            pool.submit(b"spin").result(50)
        assert caught.value.reason is Reason.DECODER_TIMEOUT
        minute = sound(tone(60.0, 48_000), 48_000, "FLAC")
        pool.submit(minute).result(30)
        pid = pool.pids()
        while _cpu_seconds(pid[0]) < 2.5:  # more than one task may use, by many small ones
            pool.submit(minute).result(30)
        assert pool.pids() == pid
    finally:
        pool.close(5.0)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_memory_is_limited(pool: DecodePool) -> None:
    with pytest.raises(PermanentError, match="memory") as caught:
        pool.submit(b"memory").result(30)
    assert caught.value.reason is Reason.DECODER_CRASHED
    assert len(pool.submit(GOOD).result(30)) == 16_000


def test_bugs_files_and_signals(pool: DecodePool) -> None:
    assert reason(pool, b"bug") is Reason.DECODER_CRASHED
    assert reason(pool, b"write") is Reason.DECODER_CRASHED
    assert len(pool.submit(b"terminated").result(30)) == 1


def test_credentials_are_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    pool = DecodePool(1, LIMITS, DecodeLimits(), decoder=UNRULY)
    try:
        assert pool.submit(b"secret").result(30)[0] == 0
    finally:
        pool.close(5.0)


def test_a_process_that_stands_still_is_ended_from_outside() -> None:
    """Its own alarm does not reach it: only the pool can end it."""
    limits = WorkerLimits(cpu_s=20.0, memory_bytes=1024**3, wall_s=3.0)
    pool = DecodePool(1, limits, DecodeLimits(), decoder=UNRULY)
    try:
        pool.submit(GOOD).result(30)
        os.kill(pool.pids()[0], signal.SIGSTOP)
        assert reason(pool, GOOD) is Reason.DECODER_TIMEOUT
        assert len(pool.submit(GOOD).result(30)) == 16_000
    finally:
        pool.close(5.0)


ORPHAN = """
import os, time
from consumer.audio.decode import DecodeLimits
from consumer.audio.pool import DecodePool, WorkerLimits
pool = DecodePool(1, WorkerLimits(wall_s=3.0), DecodeLimits(), decoder="{decoder}")
pool.submit(b"nap:0").result(60)
pid = pool.pids()[0]
hang = pool.submit(b"hang")
while not hang.running():
    time.sleep(0.01)
print(pid, flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_hanging_process_does_not_outlive_a_killed_service() -> None:
    code = ORPHAN.format(decoder=UNRULY)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid = int(run.stdout)
    until(lambda: _state(pid) == "Z", lambda: f"process {pid} is in state {_state(pid)}")


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_an_idle_process_that_was_killed_is_missed_by_nobody(pool: DecodePool) -> None:
    pool.submit(GOOD).result(30)
    for _ in range(3):
        for pid in pool.pids():
            os.kill(pid, signal.SIGKILL)
        futures = [pool.submit(GOOD) for _ in range(4)]
        assert all(len(future.result(30)) == 16_000 for future in futures)


def test_a_working_process_that_was_killed_gets_one_more_try() -> None:
    pool = DecodePool(1, LIMITS, DecodeLimits(), decoder=UNRULY)
    try:
        pool.submit(GOOD).result(30)
        future = pool.submit(b"killed")
        time.sleep(0.1)
        os.kill(pool.pids()[0], signal.SIGKILL)
        assert len(future.result(30)) == 1
    finally:
        pool.close(5.0)


def test_close_waits_until_its_deadline_and_not_longer() -> None:
    pool = DecodePool(1, LIMITS, DecodeLimits(), decoder=UNRULY)
    pool.submit(GOOD).result(30)
    short, hang, waiting = (pool.submit(data) for data in (b"nap:0.3", b"hang", GOOD))
    short.result(30)
    until(hang.running, lambda: hang)
    start = time.monotonic()
    pool.close(0.5)
    assert 0.4 < time.monotonic() - start < LIMITS.wall_s - 5
    with pytest.raises(TransientError, match="closed"):
        hang.result(0)
    with pytest.raises(CancelledError):
        waiting.result(0)
    with pytest.raises(TransientError, match="closed"):
        pool.submit(GOOD).result(0)
    assert not pool.alive()


def test_close_lets_running_work_finish() -> None:
    pool = DecodePool(1, LIMITS, DecodeLimits(), decoder=UNRULY)
    pool.submit(GOOD).result(30)
    running = pool.submit(b"nap:0.5")
    until(running.running, lambda: running)
    pool.close(30.0)
    assert len(running.result(0)) == 1


def test_construction_does_not_wait() -> None:
    pool = DecodePool(
        2, LIMITS, DecodeLimits(), decoder="tests.integration.audio.slow_start:decode"
    )
    assert pool.pids() == []
    pool.close(0.0)


@pytest.mark.parametrize(
    ("limits", "decoder", "said"),
    [
        (WorkerLimits(memory_bytes=16 * 1024**2), UNRULY, "memory"),
        (LIMITS, "no.such.module:decode", "No module"),
    ],
)
def test_processes_that_cannot_start_are_an_end_with_a_sentence(
    limits: WorkerLimits, decoder: str, said: str
) -> None:
    pool = DecodePool(2, limits, DecodeLimits(), decoder=decoder)
    with pytest.raises(FatalError, match=said):
        pool.submit(GOOD).result(60)
    assert not pool.alive()
    with pytest.raises(FatalError):
        pool.submit(GOOD).result(0)
    pool.close(5.0)
