"""A load against a service that is played: what is due when, and how late its answers are."""

import time
from collections import deque

import pytest

from producer_tools.load import Load, run
from schemas.records import AudioChunk, ChunkResult
from tests.unit.tools.test_report import result


class Played:
    """Answers every chunk at the next poll, except those it is told to keep back."""

    def __init__(self, silent: int = 0, publish_s: float = 0.0) -> None:
        self._silent = silent
        self._publish_s = publish_s
        self.published: list[AudioChunk] = []
        self._answers: deque[ChunkResult] = deque()

    def publish(self, chunk: AudioChunk) -> None:
        time.sleep(self._publish_s)
        self.published.append(chunk)
        if len(self.published) > self._silent:
            made = result(0, recording=chunk.recording_id)
            fields = {name: getattr(made, name) for name in made.__slots__}
            answer = ChunkResult(**{**fields, "chunk_id": chunk.chunk_id})
            self._answers += [answer, answer]  # a repeated event counts once

    def poll(self, timeout_s: float) -> ChunkResult | None:
        if self._answers:
            return self._answers.popleft()
        time.sleep(timeout_s)
        return None


def play(played: Played, chunks: int, rate: float | None, patience_s: float = 60.0) -> Load:
    load = Load(chunks, rate, time.monotonic())
    run(load, played.publish, played.poll, ["file:///a", "file:///b"], patience_s, lambda _: None)
    return load


def test_every_chunk_is_published_and_its_answer_counted_once() -> None:
    played = Played()
    load = play(played, 130, None)
    assert load.finished
    assert len(load.latencies_s) == 130
    assert load.failed == 0
    assert len({chunk.chunk_id for chunk in played.published}) == 130
    assert [chunk.uri for chunk in played.published[:3]] == ["file:///a", "file:///b", "file:///a"]
    assert played.published[0].recording_id != played.published[-1].recording_id


def test_a_rate_is_kept() -> None:
    load = play(Played(), 20, 100.0)
    assert load.last_answer - load.began >= 19 / 100
    assert load.answers_per_s <= 20 / 0.19 * 1.01


def test_latency_counts_from_when_a_chunk_was_due() -> None:
    # Ten are due within 10 ms, and each takes 30 ms to publish: the last one is 270 ms late.
    load = play(Played(publish_s=0.03), 10, 1000.0)
    assert load.latency_s(99) >= 0.25


def test_an_answer_that_never_comes_ends_the_wait() -> None:
    load = play(Played(silent=3), 5, None, patience_s=0.2)
    assert not load.finished
    assert len(load.due) == 3
    assert len(load.latencies_s) == 2


@pytest.mark.parametrize(("percentile", "rank"), [(50, 2), (90, 4), (99, 4), (25, 1)])
def test_percentiles_are_nearest_ranks(percentile: float, rank: int) -> None:
    load = Load(4, None, 0.0, latencies_s=[4.0, 1.0, 3.0, 2.0])
    assert load.latency_s(percentile) == rank
