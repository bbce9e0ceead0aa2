"""Publisher, subscriber, topics and command line against running brokers."""

import json
import uuid
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import soundfile
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
from typer.testing import CliRunner

from consumer.events import Topics
from producer_tools import topics
from producer_tools.cli import app
from producer_tools.publisher import ChunkPublisher, PublishError
from producer_tools.subscribe import Subscriber
from schemas.codec import Encoder
from schemas.records import AudioChunk
from tests.brokers.fixtures import Broker
from tests.waiting import PATIENCE_S, until


def fresh() -> Topics:
    prefix = uuid.uuid4().hex[:8]
    return Topics(*(f"{prefix}-{name}" for name in ("in", "results", "segments", "voices", "dead")))


def environment(named: Topics) -> dict[str, str]:
    return {
        f"SPEAKERSTREAM_TOPIC_{field.upper()}": getattr(named, field)
        for field in ("audio_chunks", "chunk_results", "speaker_segments", "dead_letters")
    } | {"SPEAKERSTREAM_TOPIC_SPEAKER_FINGERPRINTS": named.speaker_fingerprints}


def chunk(recording: str, sequence: int) -> AudioChunk:
    return AudioChunk(
        recording_id=recording,
        chunk_id=f"c{sequence}",
        sequence=sequence,
        start_s=0,
        uri="file:///",
    )


def test_chunks_arrive_in_order_each_recording_in_one_partition(broker: Broker) -> None:
    named = fresh()
    topics.create(AdminClient({"bootstrap.servers": broker.bootstrap}), named, topics.Layout(6))
    sent = [chunk(f"recording-{n % 9}", n) for n in range(200)]
    with ChunkPublisher(broker.bootstrap, named.audio_chunks) as publisher:
        for event in sent:
            publisher.publish(event)
    subscriber = Subscriber(broker.bootstrap, {named.audio_chunks: AudioChunk})
    seen = list(islice(subscriber.events(until_idle_s=PATIENCE_S), len(sent)))
    subscriber.close()
    assert len(seen) == len(sent)
    for recording in {event.recording_id for event in sent}:
        mine = [event for event in seen if event.key == recording]
        assert [event.record for event in mine] == [e for e in sent if e.recording_id == recording]
        # What Java's default partitioner gives for these keys: murmur2, sign bit off, modulo.
        assert {event.partition for event in mine} == {murmur2(recording.encode()) % 6}


def murmur2(data: bytes) -> int:
    """MurmurHash2 with the seed of Kafka's Java client, written from its published definition."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return (h ^ h >> 15) & 0x7FFFFFFF


def test_what_does_not_arrive_is_an_error() -> None:
    publisher = ChunkPublisher("127.0.0.1:1", kafka={"message.timeout.ms": "300"})
    publisher.publish(chunk("r", 0))
    with pytest.raises(PublishError, match="r/c0"):
        publisher.flush(10)
    with pytest.raises(ValueError, match="partitioner"):
        ChunkPublisher("127.0.0.1:1", kafka={"partitioner": "random"})


def test_aborted_events_are_not_read(kafka_broker: Broker) -> None:
    """On Apache Kafka alone: the embedded broker shows aborted records to every reader."""
    named = fresh()
    topics.create(
        AdminClient({"bootstrap.servers": kafka_broker.bootstrap}), named, topics.Layout(1)
    )
    producer = Producer(
        {"bootstrap.servers": kafka_broker.bootstrap, "transactional.id": str(uuid.uuid4())}
    )
    producer.init_transactions(PATIENCE_S)
    for keep, sequence in ((False, 1), (True, 2)):
        producer.begin_transaction()
        producer.produce(named.audio_chunks, Encoder().encode(chunk("r", sequence)))
        producer.flush()
        (producer.commit_transaction if keep else producer.abort_transaction)(PATIENCE_S)
    subscriber = Subscriber(kafka_broker.bootstrap, {named.audio_chunks: AudioChunk})
    first = next(subscriber.events(until_idle_s=PATIENCE_S))
    assert first.record == chunk("r", 2)
    subscriber.close()


def test_a_missing_topic_is_named(broker: Broker) -> None:
    name = f"missing-{uuid.uuid4().hex}"
    with pytest.raises(LookupError, match=name):
        Subscriber(broker.bootstrap, {name: AudioChunk})


def test_topics_are_created_once_and_checked(broker: Broker) -> None:
    named = fresh()
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    assert len(topics.check(admin, named)) == 5
    assert set(topics.create(admin, named, topics.Layout(3))) == set(topics.names(named))
    assert topics.create(admin, named, topics.Layout(3)) == []
    assert topics.check(admin, named) == []
    labels = f"{named.chunk_results}-labels"
    assert labels in topics.check(admin, named, [labels])[0]
    assert topics.create(admin, named, topics.Layout(3), [labels]) == [labels]
    assert topics.check(admin, named, [labels]) == []
    assert (
        len(admin.list_topics(named.chunk_results, 10).topics[named.chunk_results].partitions) == 3
    )


@pytest.mark.parametrize(
    ("field", "setting", "value", "problem"),
    [
        ("chunk_results", "cleanup.policy", "compact", "cleanup.policy=delete"),
        ("audio_chunks", "cleanup.policy", "compact,delete", "cleanup.policy=delete"),
        ("dead_letters", "retention.ms", "1000", "retention.ms=-1"),
        ("dead_letters", "max.message.bytes", "1000", "max.message.bytes above"),
    ],
)
def test_wrong_topics_are_found(
    kafka_broker: Broker, field: str, setting: str, value: str, problem: str
) -> None:
    named = fresh()
    admin = AdminClient({"bootstrap.servers": kafka_broker.bootstrap})
    topics.create(admin, named, topics.Layout(1))
    entry = ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(
        ConfigResource.Type.TOPIC, getattr(named, field), incremental_configs=[entry]
    )
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(PATIENCE_S)
    # A changed setting reaches the brokers a little later.
    until(lambda: bool(topics.check(admin, named)), lambda: "no problem found")
    (found,) = topics.check(admin, named)
    assert getattr(named, field) in found
    assert problem in found


def test_the_command_line(broker: Broker, tmp_path: Path) -> None:
    named = fresh()
    variables = {**environment(named), "SPEAKERSTREAM_BOOTSTRAP_SERVERS": broker.bootstrap}
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, 16_000 * 5)
    soundfile.write(tmp_path / "talk.wav", noise, 16_000)

    def call(arguments: str) -> str:
        done = CliRunner().invoke(app, arguments.split(), env=variables)
        assert done.exit_code == 0, done.output
        return done.output

    assert CliRunner().invoke(app, ["topics", "--check"], env=variables).exit_code == 1
    assert "created" in call("topics --create --check --partitions 2")
    folder = str(tmp_path / "chunks")
    assert "3 chunks" in call(f"publish {tmp_path}/talk.wav --to {folder} --chunk-seconds 2")
    lines = call("tail audio-chunks --from-beginning --json --idle-seconds 2").splitlines()
    values = [json.loads(line)["value"] for line in lines]
    assert [value["duration_s"] for value in values] == [2.0, 2.0, 1.0]
    assert [value["last"] for value in values] == [False, False, True]
    assert Path(values[0]["uri"].removeprefix("file://")).stat().st_size == values[0]["size_bytes"]

    (tmp_path / "notes.txt").write_text("no audio")
    failed = CliRunner().invoke(
        app, ["publish", str(tmp_path / "notes.txt"), "--to", folder], env=variables
    )
    assert failed.exit_code == 1
