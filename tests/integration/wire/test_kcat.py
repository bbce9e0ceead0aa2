"""Events through kcat, the operators' tool: framing, key and partition as others see them."""

import shutil
import subprocess
from itertools import islice
from pathlib import Path

import pytest

from producer_tools.publisher import ChunkPublisher
from producer_tools.subscribe import Subscriber
from schemas.codec import Encoder
from schemas.records import AudioChunk
from tests.brokers import client
from tests.brokers.fixtures import Broker
from tests.brokers.parts import RealParts
from tests.waiting import PATIENCE_S
from tests.wire.events import CHUNK

pytestmark = pytest.mark.parts


@pytest.fixture(scope="module")
def kcat(real_parts: RealParts) -> str:
    found = shutil.which("kcat")
    real_parts.need("kcat", None if found else "install Debian's kcat")
    assert found is not None
    return found


def test_what_we_publish_kcat_reads(kcat: str, kafka_broker: Broker, unique: str) -> None:
    client.create_topics(kafka_broker.bootstrap, unique, partitions=1)
    with ChunkPublisher(kafka_broker.bootstrap, unique) as publisher:
        publisher.publish(CHUNK)
    command = [kcat, "-b", kafka_broker.bootstrap, "-C", "-q", "-t", unique, "-p", "0"]
    shown = subprocess.run(
        [*command, "-o", "beginning", "-c", "1", "-f", "%k\n%s"],
        capture_output=True,
        check=True,
        timeout=PATIENCE_S,
    ).stdout
    key, _, value = shown.partition(b"\n")
    assert key.decode() == CHUNK.recording_id
    assert value == Encoder().encode(CHUNK)


def test_what_kcat_publishes_we_read(
    kcat: str, kafka_broker: Broker, unique: str, tmp_path: Path
) -> None:
    client.create_topics(kafka_broker.bootstrap, unique, partitions=6)
    event = tmp_path / "event"
    event.write_bytes(Encoder().encode(CHUNK))
    command = [kcat, "-b", kafka_broker.bootstrap, "-P", "-t", unique, "-k", CHUNK.recording_id]
    murmur2 = ["-X", "topic.partitioner=murmur2_random"]
    subprocess.run([*command, *murmur2, event], check=True, timeout=PATIENCE_S)
    with ChunkPublisher(kafka_broker.bootstrap, unique) as publisher:
        publisher.publish(CHUNK)
    subscriber = Subscriber(kafka_broker.bootstrap, {unique: AudioChunk})
    try:
        theirs, ours = islice(subscriber.events(until_idle_s=PATIENCE_S), 2)
    finally:
        subscriber.close()
    assert theirs.record == ours.record == CHUNK
    assert (theirs.key, theirs.partition) == (ours.key, ours.partition)
