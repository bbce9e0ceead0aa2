"""`speakerstream-consumer check`: a line per part, and an exit code that says whether to run."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from consumer.errors import ExitCode
from consumer.kafka.patience import ask
from tests.brokers import client
from tests.brokers.fixtures import Broker
from tests.service.installation import STAND_IN, Installation
from tests.waiting import PATIENCE_S


@pytest.fixture
def installation(kafka_broker: Broker, unique: str, tmp_path: Path) -> Installation:
    """Topics as a fresh cluster makes them."""
    return Installation(kafka_broker.bootstrap, unique, tmp_path)


def check(environment: Mapping[str, str]) -> tuple[int, str]:
    run = subprocess.run(
        [sys.executable, "-m", "consumer", "check"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return run.returncode, run.stdout + run.stderr


def test_all_there(installation: Installation) -> None:
    small = {
        "SPEAKERSTREAM_MAX_DEAD_LETTER_BYTES": "1000000",
    }
    code, said = check({**installation.environment, **small})
    assert "FAIL" not in said
    assert ": 1 broker\n" in said
    assert ": 1 partition, " in said
    assert code == ExitCode.OK


def test_the_real_checkpoints_are_named_with_their_licence(installation: Installation) -> None:
    environment = {
        **installation.environment,
        "SPEAKERSTREAM_ENGINE": "consumer.inference.engine:create",
        "SPEAKERSTREAM_DIARIZER": "compact",
        "SPEAKERSTREAM_EMBEDDER": "/nowhere/embedder.nemo",
    }
    code, said = check(environment)
    assert "ok   diarizer: speakerstream/compact" in said
    assert "FAIL embedder" in said
    assert code == ExitCode.SETTINGS


def test_compaction_a_small_topic_and_a_missing_one_are_named(
    installation: Installation, unique: str
) -> None:
    compacted = f"{unique}.compacted"
    client.create_topics(installation.bootstrap, compacted, config={"cleanup.policy": "compact"})
    environment = {
        **installation.environment,
        "SPEAKERSTREAM_TOPIC_CHUNK_RESULTS": compacted,
        "SPEAKERSTREAM_TOPIC_SPEAKER_SEGMENTS": f"{unique}.missing",
        "SPEAKERSTREAM_MAX_DEAD_LETTER_BYTES": "3000000",
    }
    code, said = check(environment)
    assert "set it to delete" in said
    assert "speakerstream topics --create" in said
    assert "max.message.bytes=" in said
    assert code == ExitCode.SETTINGS


def test_no_broker_and_nothing_allowed_are_named(installation: Installation) -> None:
    environment = {
        **installation.environment,
        "SPEAKERSTREAM_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "SPEAKERSTREAM_ALLOWED_PREFIXES": "[]",
    }
    code, said = check(environment)
    assert said.count("127.0.0.1:1") == 1  # no log line for every try
    assert "check bootstrap_servers" in said
    assert "name what may be read" in said
    assert code == ExitCode.SETTINGS


def test_a_group_without_offsets_must_be_told_where_to_start(
    kafka_broker: Broker, unique: str, tmp_path: Path
) -> None:
    installation = Installation(kafka_broker.bootstrap, unique, tmp_path, partitions=2)
    environment = {
        **installation.environment,
        "SPEAKERSTREAM_MAX_DEAD_LETTER_BYTES": "1000000",
    }
    del environment["SPEAKERSTREAM_START"]

    code, said = check(environment)
    assert f"2 partitions of {installation.topics.audio_chunks} (0, 1)" in said
    assert "set start=earliest" in said
    assert code == ExitCode.SETTINGS

    _commit(installation, 0)
    code, said = check(environment)
    assert f"1 partition of {installation.topics.audio_chunks} (1)" in said
    assert code == ExitCode.SETTINGS

    _commit(installation, 1)
    code, said = check(environment)
    assert "FAIL" not in said
    assert code == ExitCode.OK


def _commit(installation: Installation, partition: int) -> None:
    group = Consumer({"bootstrap.servers": installation.bootstrap, "group.id": installation.name})
    place = TopicPartition(installation.topics.audio_chunks, partition, 0)
    try:
        ask(
            lambda _: group.commit(offsets=[place], asynchronous=False),
            "whether it is committed",
            PATIENCE_S,
        )
    finally:
        group.close()


def test_a_property_that_librdkafka_does_not_know_is_a_sentence(tmp_path: Path) -> None:
    environment = {
        "SPEAKERSTREAM_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "SPEAKERSTREAM_ENGINE": STAND_IN,
        "SPEAKERSTREAM_ALLOWED_PREFIXES": f'["{tmp_path.as_uri()}"]',
        "SPEAKERSTREAM_KAFKA": '{"no.such.property": "1"}',
    }
    code, said = check(environment)
    assert "FAIL broker 127.0.0.1:1: librdkafka refused the properties in kafka: No such" in said
    assert "Traceback" not in said
    assert code == ExitCode.SETTINGS
