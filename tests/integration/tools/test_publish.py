"""`speakerstream publish` killed midway and called again: every chunk once, none missing."""

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import soundfile
from confluent_kafka.admin import AdminClient

from consumer.audio.decode import decode
from consumer.events import Topics
from producer_tools import topics, whole_topic
from schemas.codec import Decoder
from schemas.records import AudioChunk
from tests.brokers.fixtures import Broker

CHUNKS = 8
BEFORE = 3  # chunks published when it is killed


def committed(broker: Broker, topic: str) -> list[AudioChunk]:
    messages = whole_topic.messages(broker.bootstrap, topic)
    return [Decoder().decode(message.value() or b"", AudioChunk) for message in messages]


def test_a_killed_publisher_goes_on_where_it_was(embedded_broker: Broker, tmp_path: Path) -> None:
    broker = embedded_broker
    name = f"publish-{uuid.uuid4().hex[:8]}"
    named = Topics(*(f"{name}-{n}" for n in ("in", "results", "segments", "voices", "dead")))
    topics.create(AdminClient({"bootstrap.servers": broker.bootstrap}), named, topics.Layout(3))
    talk = np.random.default_rng(0).uniform(-0.1, 0.1, 16_000 * CHUNKS).astype(np.float32)
    soundfile.write(tmp_path / "talk.wav", talk, 16_000)
    call = [
        *(str(Path(sys.executable).with_name("speakerstream")), "publish", f"{tmp_path}/*.wav"),
        *("--to", str(tmp_path / "out"), "--recording-id", "talk", "--chunk-seconds", "1"),
        *("--bootstrap-servers", broker.bootstrap, "--parallel", "1"),
    ]
    environment = {**os.environ, "SPEAKERSTREAM_TOPIC_AUDIO_CHUNKS": named.audio_chunks}

    # Opening a pipe nobody reads from waits for ever: here the publisher stands until it is killed.
    (tmp_path / "out" / "talk").mkdir(parents=True)
    pipe = tmp_path / "out" / "talk" / f"{BEFORE * 1000:09d}-{(BEFORE + 1) * 1000:09d}.partial"
    os.mkfifo(pipe)
    with subprocess.Popen(call, env=environment) as publisher:
        try:
            deadline = time.monotonic() + 120
            while len(before := committed(broker, named.audio_chunks)) < BEFORE:
                assert publisher.poll() is None, "it ended by itself"
                assert time.monotonic() < deadline
                time.sleep(0.1)
        finally:
            publisher.kill()
    assert [chunk.sequence for chunk in before] == list(range(BEFORE))
    pipe.unlink()

    done = subprocess.run(call, env=environment, capture_output=True, text=True, check=True)
    assert f"published {CHUNKS - BEFORE} chunks of recording talk; {BEFORE} more" in done.stdout
    chunks = committed(broker, named.audio_chunks)
    assert [chunk.sequence for chunk in chunks] == list(range(CHUNKS))
    assert [chunk.last for chunk in chunks] == [False] * (CHUNKS - 1) + [True]
    stored = [Path(chunk.uri.removeprefix("file://")).read_bytes() for chunk in chunks]
    np.testing.assert_allclose(np.concatenate(list(map(decode, stored))), talk, atol=2**-14)

    again = [*call, "--again"]
    subprocess.run(again, env=environment, capture_output=True, text=True, check=True)
    ids = [chunk.chunk_id for chunk in committed(broker, named.audio_chunks)]
    assert ids == [chunk.chunk_id for chunk in chunks] * 2
