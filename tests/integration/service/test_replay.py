"""`speakerstream replay`: what failed is published again as it was, and its success supersedes."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from typer.testing import CliRunner

from consumer.errors import ExitCode, Reason
from consumer.records import OutputRecord
from producer_tools import dead_letters, subscribe
from producer_tools.cli import app
from producer_tools.dead_letters import Choice, DeadLetter
from producer_tools.linking import link
from producer_tools.replay import publish
from tests.brokers import client
from tests.brokers.fixtures import Broker
from tests.service.installation import RECORDINGS, Installation
from tests.service.process import ServiceProcess

TRACE = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


@pytest.fixture
def installation(broker: Broker, unique: str, tmp_path: Path) -> Installation:
    """Two partitions, no events yet."""
    return Installation(broker.bootstrap, unique, tmp_path, partitions=2)


def replay(installation: Installation, *arguments: str) -> str:
    topics = installation.topics
    variables = {
        f"SPEAKERSTREAM_TOPIC_{field.name.upper()}": getattr(topics, field.name)
        for field in fields(topics)
    }
    variables["SPEAKERSTREAM_BOOTSTRAP_SERVERS"] = installation.bootstrap
    done = CliRunner().invoke(app, ["replay", *arguments], env=variables)
    assert done.exit_code == 0, done.output
    return done.output


def letters(installation: Installation) -> list[DeadLetter]:
    return list(dead_letters.read(installation.bootstrap, installation.topics.dead_letters))


def test_a_replayed_chunk_has_the_same_ids_and_its_result_supersedes(
    installation: Installation, tmp_path: Path
) -> None:
    environment = {**installation.environment, "SPEAKERSTREAM_OBJECT_GRACE_S": "0"}
    missing = installation.chunk(0)
    (tmp_path / "0.flac").rename(tmp_path / "hidden")
    topic = installation.topics.audio_chunks
    value = installation.encoder.encode(missing)
    original = OutputRecord(topic, b"recording-0", value, (TRACE, ("mine", None)))
    with ServiceProcess(environment, tmp_path / "log") as service:
        client.produce(installation.bootstrap, original)
        installation.publish(installation.chunk(RECORDINGS), installation.chunk(1))
        failed = next(r for r in installation.await_results(3) if r.status == "failed")
        assert failed.reason == Reason.OBJECT_MISSING.value
        (letter,) = letters(installation)
        assert letter.record == original

        assert "1 record would be published" in replay(installation, "--dry-run")
        assert len(installation.read(topic)) == 3  # a dry run publishes nothing
        (tmp_path / "hidden").rename(tmp_path / "0.flac")
        assert "1 record published" in replay(installation, "--reason", "object_missing")
        results = installation.await_results(4)
        assert service.terminate() == ExitCode.OK

    again = [r for r in installation.read(topic) if r.value == value]
    assert [(r.key, r.headers) for r in again] == [(b"recording-0", original.headers)] * 2
    success = results[-1]
    assert (success.chunk_id, success.status) == ("chunk-0", "diarized")
    assert success.result_id == failed.result_id
    assert success.event_id != failed.event_id
    voices = link(results)
    speakers = {f.speaker for f in success.fingerprints}
    assert {each.speaker for each in voices.names if each.chunk_id == "chunk-0"} == speakers
    assert link([*reversed(results)]) == voices


def test_a_record_that_failed_twice_is_published_once(
    installation: Installation, tmp_path: Path
) -> None:
    with ServiceProcess(installation.environment, tmp_path / "log"):
        installation.publish_raw((b"recording-1", b"no avro"), (None, None))
        installation.await_results(2)
        replay(installation)
        installation.await_results(4)
        assert len(letters(installation)) == 4
        assert "2 records published" in replay(installation)
        assert len(installation.await_results(6)) == 6


def test_more_letters_than_the_client_can_queue_are_published(installation: Installation) -> None:
    topic = installation.topics.audio_chunks
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    many = [DeadLetter(0, n, moment, OutputRecord(topic, b"r", b"v"), {}) for n in range(50)]
    few = {"queue.buffering.max.messages": "5"}
    done = list(publish(installation.bootstrap, many, rate=1e6, kafka=few))
    assert done == many
    assert len(installation.read(topic)) == len(many)


def test_letters_are_chosen_by_reason_recording_and_time() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    letter = DeadLetter(0, 7, moment, OutputRecord("in", b"r", b"v"), {"dlq.reason": "not_audio"})
    second = timedelta(seconds=1)
    assert letter in Choice()
    assert letter in Choice(frozenset({"not_audio"}), frozenset({"r"}), moment, moment + second)
    for other in (
        Choice(reasons=frozenset({"too_long"})),
        Choice(recordings=frozenset({"q"})),
        Choice(since=moment + second),
        Choice(until=moment),
    ):
        assert letter not in other


def test_a_broker_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscribe, "_METADATA_S", 0.5)
    with pytest.raises(KafkaException):
        next(dead_letters.read("127.0.0.1:1", "dead"))
