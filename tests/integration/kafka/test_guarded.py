"""Servers end with the process that started them, however that ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from producer_tools.embedded import EmbeddedBroker, EmbeddedBrokerError
from producer_tools.guarded import GuardedProcess
from producer_tools.loopback import answers
from tests.brokers.fixtures import Broker
from tests.waiting import PATIENCE_S, until

PYTHON = sys.executable


def runs(pid: int) -> bool:
    """Whether the process is there and not merely waiting to be reaped."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return bool(state) and not state.startswith("Z")


def test_status_and_output_are_the_commands_own(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with GuardedProcess([PYTHON, "-c", "print('said'); raise SystemExit(7)"], log=log) as process:
        assert process.wait(PATIENCE_S) == 7
    assert process.log_tail() == "said"


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot start no-such-program: No such file"):
        GuardedProcess(["no-such-program"], log=tmp_path / "log")


def test_stop_lets_the_command_finish_its_work(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit('finished'))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    process = GuardedProcess([PYTHON, "-c", code], log=tmp_path / "log")
    until(lambda: "ready" in process.log_tail(), process.log_tail)
    assert process.stop(grace_s=PATIENCE_S) == 1
    assert process.log_tail(1) == "finished"


def test_stop_kills_a_command_that_will_not_end_even_suspended(tmp_path: Path) -> None:
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    process = GuardedProcess([PYTHON, "-c", code], log=tmp_path / "log")
    until(lambda: "ready" in process.log_tail(), process.log_tail)
    process.suspend()
    assert process.stop(grace_s=0.5) == -signal.SIGKILL
    assert not runs(process.pid)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads Linux's /proc")
def test_every_thread_is_stopped_when_suspend_returns(tmp_path: Path) -> None:
    code = (
        "import threading, time\n"
        "def wake():\n"
        "    while True: time.sleep(0.001)\n"
        "for _ in range(80): threading.Thread(target=wake, daemon=True).start()\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    with GuardedProcess([PYTHON, "-c", code], log=tmp_path / "log") as process:
        until(lambda: "ready" in process.log_tail(), process.log_tail)
        threads = list(Path(f"/proc/{process.pid}/task").iterdir())
        for _ in range(20):
            process.suspend()
            states = [(each / "stat").read_text().rpartition(")")[2].split()[0] for each in threads]
            process.resume()
            assert states == ["T"] * 81


def test_the_embedded_broker_is_gone_after_kill_9_of_its_owner(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    code = (
        "import time\n"
        "from producer_tools.embedded import EmbeddedBroker\n"
        "with EmbeddedBroker() as broker:\n"
        "    print(broker.bootstrap, broker.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    owner = subprocess.Popen(
        [PYTHON, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "TMPDIR": str(tmp_path)},  # its folder stays behind
    )
    assert owner.stdout is not None
    bootstrap, pid = owner.stdout.readline().split()
    port = int(bootstrap.rpartition(":")[2])
    assert answers(port)
    assert runs(int(pid))
    owner.kill()
    owner.wait()
    owner.stdout.close()
    until(lambda: not runs(int(pid)), lambda: f"process {pid} runs")
    assert not answers(port)


def test_the_embedded_broker_is_gone_after_its_block(embedded_broker: Broker) -> None:
    with EmbeddedBroker() as broker:
        pid = broker.pid
        assert runs(pid)
    assert not runs(pid)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_broker_that_does_not_start_says_why(
    embedded_broker: Broker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "tansu"
    broken.write_text("#!/bin/sh\necho no such luck\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CALF_TANSU_BIN", str(broken))
    with pytest.raises(EmbeddedBrokerError, match="no such luck"), EmbeddedBroker():
        pass


def test_a_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with (
        pytest.raises(EmbeddedBrokerError, match=r"pip install 'speakerstream\[embedded\]'"),
        EmbeddedBroker(),
    ):
        pass
