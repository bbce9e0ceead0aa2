"""Commands whose broker is not there: one sentence with its address, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException
from typer.testing import CliRunner

from producer_tools import brokers, options, subscribe, topics
from producer_tools.cli import app
from producer_tools.loopback import free_port


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address where nobody listens; whoever asks there gives up soon."""
    monkeypatch.setattr(topics, "_REACH_S", 1.0)
    monkeypatch.setattr(topics, "_TIMEOUT_S", 1.0)
    monkeypatch.setattr(subscribe, "_METADATA_S", 1.0)
    monkeypatch.setattr(brokers, "_ASK_S", 1.0)
    return f"127.0.0.1:{free_port()}"


@pytest.mark.parametrize(
    "command",
    [
        ["topics", "--create"],
        ["topics", "--check"],
        ["tail"],
        ["replay", "--dry-run"],
        ["publish", __file__, "--to", "chunks"],
        ["load", "file:///nothing"],
        ["report"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_address_and_what_to_check_are_said_once(
    command: list[str], nowhere: str, capfd: pytest.CaptureFixture[str]
) -> None:
    done = CliRunner().invoke(app, [*command, "--bootstrap-servers", nowhere])
    assert done.exit_code == 1
    (line,) = [each for each in done.stderr.splitlines() if each.strip()][-1:]
    assert line.startswith(f"no broker answered at {nowhere} (Connect to ")
    assert "Connection refused): check --bootstrap-servers (and security.protocol" in line
    assert nowhere not in capfd.readouterr().err  # the client would write there, past Python


def test_the_demo_names_its_own_option(
    nowhere: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    call = ["demo", "--bootstrap", nowhere, "--output", str(tmp_path)]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 1
    assert f"no broker answered at {nowhere} " in done.stderr
    assert "check --bootstrap (the demo brings no TLS" in done.stderr
    assert nowhere not in capfd.readouterr().err


def test_who_wants_the_log_gets_it() -> None:
    assert options.kafka(None) == brokers.QUIET
    assert options.kafka(["log_level=6"]) == {"log_level": "6"}


def test_an_answer_that_does_not_come_is_no_empty_sentence(nowhere: str) -> None:
    class Silent:
        def result(self, _timeout_s: float) -> None:
            raise TimeoutError

    with pytest.raises(KafkaException) as raised:
        topics._answer(Silent())  # type: ignore[arg-type]
    assert raised.value.args[0].code() == KafkaError._TIMED_OUT


def test_a_refused_login_is_told_from_silence(
    nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refused:
        def __init__(self, config: dict[str, Callable[[KafkaError], None]]) -> None:
            self._met = config["error_cb"]

        def list_topics(self, timeout: float) -> None:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))

        def poll(self, _timeout_s: float) -> None:
            self._met(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
            self._met(KafkaError(KafkaError._AUTHENTICATION, "b:1/bootstrap: wrong password"))

    monkeypatch.setattr(brokers, "AdminClient", Refused)
    away = KafkaException(KafkaError(KafkaError._TRANSPORT))
    said = brokers.sentence(away, "b:1", brokers.QUIET)
    assert said == (
        "no broker took us in at b:1 (wrong password): check the sasl.* properties among --kafka"
    )
