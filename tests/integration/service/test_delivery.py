"""What every broker must see: each input record answered once, in order, and committed."""

import time
from itertools import count, islice
from pathlib import Path

import pytest

from consumer.errors import ExitCode
from schemas.codec import Decoder
from schemas.records import ChunkResult, SpeakerFingerprint, SpeakerSegment
from tests.brokers.fixtures import Broker
from tests.service.installation import RECORDINGS, Installation, disorder
from tests.service.process import ServiceProcess

CHUNKS = 40


@pytest.fixture
def installation(broker: Broker, unique: str, tmp_path: Path) -> Installation:
    """Three partitions, no events yet."""
    return Installation(broker.bootstrap, unique, tmp_path, partitions=3)


def test_each_chunk_is_answered_once_in_order_and_committed(
    installation: Installation, tmp_path: Path
) -> None:
    chunks = [installation.chunk(number) for number in range(CHUNKS)]
    installation.publish(*chunks)
    with ServiceProcess(installation.environment, tmp_path / "log") as service:
        installation.await_results(CHUNKS)
        installation.await_committed(CHUNKS)
        assert service.terminate() == ExitCode.OK
    results = installation.results()
    assert sorted(r.chunk_id for r in results) == sorted(c.chunk_id for c in chunks)
    assert {r.status for r in results} == {"diarized"}
    assert not disorder(results)
    assert len({r.event_id for r in results}) == CHUNKS
    assert installation.read(installation.topics.dead_letters) == []


def test_flat_topics_are_projections_of_the_results(
    installation: Installation, tmp_path: Path
) -> None:
    installation.publish(*(installation.chunk(number) for number in range(6)))
    with ServiceProcess(installation.environment, tmp_path / "log"):
        results = {r.result_id: r for r in installation.await_results(6)}
    assert len(results) == 6
    topics, decoder = installation.topics, Decoder()
    segments = [
        decoder.decode(r.value or b"", SpeakerSegment)
        for r in installation.read(topics.speaker_segments)
    ]
    fingerprints = [
        decoder.decode(r.value or b"", SpeakerFingerprint)
        for r in installation.read(topics.speaker_fingerprints)
    ]
    for result_id, result in results.items():
        flat = sorted((s.index, s) for s in segments if s.result_id == result_id)
        assert [(s.speaker, s.start_s, s.end_s, s.confidence) for _, s in flat] == [
            (s.speaker, s.start_s, s.end_s, s.confidence) for s in result.segments
        ]
        voices = [f for f in fingerprints if f.result_id == result_id]
        assert [(f.speaker, f.embedding) for f in voices] == [
            (f.speaker, f.embedding) for f in result.fingerprints
        ]


def test_a_second_member_takes_its_share_and_nothing_is_answered_twice(
    installation: Installation, tmp_path: Path
) -> None:
    chunks = (installation.chunk(number) for number in count())
    published = 0
    first, second = installation.environment, {**installation.environment}
    second["SPEAKERSTREAM_INSTANCE_ID"] = "1"
    with (
        ServiceProcess(first, tmp_path / "first") as one,
        ServiceProcess(second, tmp_path / "second") as two,
    ):
        # Both take part, then one of them leaves, all under a stream of chunks.
        for member in (one, two):
            while "chunk_diarized" not in member.said():
                assert member.running, member.said()[-4000:]
                installation.publish(*islice(chunks, RECORDINGS))
                published += RECORDINGS
                time.sleep(0.2)  # a stream, not a flood
        assert one.terminate() == ExitCode.OK
        installation.await_committed(published)
        assert two.terminate() == ExitCode.OK
    results = installation.results()
    assert len(results) == published
    assert len({r.chunk_id for r in results}) == published
    assert not disorder(results)


def test_a_new_group_must_be_told_where_to_begin(
    installation: Installation, tmp_path: Path
) -> None:
    environment = installation.environment
    del environment["SPEAKERSTREAM_START"]
    with ServiceProcess(environment, tmp_path / "log") as service:
        assert service.wait() == ExitCode.OFFSETS
        assert "start=earliest" in service.said()


def test_start_latest_skips_what_is_there_and_remembers(
    installation: Installation, broker: Broker, tmp_path: Path
) -> None:
    if not broker.is_kafka:
        pytest.skip("the embedded broker's end offsets count batches, not records")
    installation.publish(*(installation.chunk(number) for number in range(6)))
    environment = {**installation.environment, "SPEAKERSTREAM_START": "latest"}
    with ServiceProcess(environment, tmp_path / "log") as service:
        installation.await_committed(6)
        assert service.terminate() == ExitCode.OK
    installation.publish(installation.chunk(6))
    del environment["SPEAKERSTREAM_START"]
    with ServiceProcess(environment, tmp_path / "log2"):
        results: list[ChunkResult] = installation.await_results(1)
    assert [r.chunk_id for r in results] == ["chunk-6"]


def test_an_object_that_comes_late_is_waited_for(
    installation: Installation, tmp_path: Path
) -> None:
    late = installation.chunk(0)
    hidden = tmp_path / "hidden"
    (tmp_path / "0.flac").rename(hidden)
    installation.publish(late, installation.chunk(1))
    with ServiceProcess(installation.environment, tmp_path / "log") as service:
        service.await_line("retrying")
        hidden.rename(tmp_path / "0.flac")
        results = installation.await_results(2)
    assert {r.status for r in results} == {"diarized"}
    assert {r.chunk_id for r in results} == {"chunk-0", "chunk-1"}
