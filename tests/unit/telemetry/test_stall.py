"""What counts as a stall: a chunk that gets nowhere, not one that waits its turn."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager

from consumer.audio.reference import Reference
from consumer.errors import TransientError
from consumer.events import EventWriter, Topics
from consumer.inference.results import Waveform
from consumer.inference.stand_in import StandInEngine
from consumer.pipeline.pipeline import Pipeline
from consumer.pipeline.seams import Limits
from consumer.records import InputRecord, Ticket
from consumer.telemetry.health import Deadlines
from consumer.telemetry.telemetry import Telemetry
from schemas.codec import Decoder, Encoder
from schemas.records import AudioChunk
from tests.waiting import PATIENCE_S, until

RECORDS = 16
FETCH_S = 0.3
LIMIT_S = 3.0

CHUNK = AudioChunk(
    recording_id="r", chunk_id="c", sequence=0, start_s=0.0, uri="file:///x", duration_s=1.0
)


class _Store:
    """Fetches as told."""

    def __init__(self, fetch: Callable[[], bytes]) -> None:
        self._fetch = fetch

    def fetch(self, reference: Reference) -> bytes:
        return self._fetch()

    def close(self) -> None:
        pass


class _NoDecoder:
    """Is never reached: nothing here is ever fetched."""

    def submit(self, data: bytes, channel: int | None) -> "Future[Waveform]":
        raise AssertionError("something was fetched")

    def alive(self) -> bool:
        return True

    def close(self, deadline_s: float) -> None:
        pass


@contextmanager
def pipeline(fetch: Callable[[], bytes]) -> Iterator[tuple[Pipeline, Sequence[Ticket]]]:
    """One fetch thread, and the head record of each partition."""
    engine, topics, encoder = StandInEngine(), Topics(), Encoder()
    made = Pipeline(
        codec_in=Decoder(),
        fetcher=_Store(fetch),
        decoder=_NoDecoder(),
        engine=engine,
        events=EventWriter(encoder, topics, engine.models, "0.1.0"),
        limits=Limits(1, 1 << 30, 1 << 20, 60.0, 600.0, 300.0),
        watch=Telemetry(topics, Deadlines(60, 60, 60)),
    )
    tickets = [Ticket(partition, 1, 0) for partition in range(RECORDS)]
    now_ms = int(time.time() * 1000)
    for ticket in tickets:
        made.submit(InputRecord(ticket, "in", b"r", encoder.encode(CHUNK), (), now_ms))
    try:
        yield made, tickets
    finally:
        made.close(1.0)


def said(waiting: Pipeline, heads: Sequence[Ticket]) -> str:
    return waiting.stalled(heads, LIMIT_S) or "no stall"


def test_a_queue_behind_a_store_that_times_out_is_no_stall() -> None:
    def times_out() -> bytes:
        time.sleep(FETCH_S)
        raise TransientError("the store did not answer")

    with pipeline(times_out) as (waiting, heads):
        end = time.monotonic() + RECORDS * FETCH_S
        while time.monotonic() < end:
            waiting.collect()
            assert waiting.stalled(heads, LIMIT_S) is None
            time.sleep(0.05)


def test_a_fetch_that_never_ends_is_a_stall() -> None:
    fetching, released = threading.Event(), threading.Event()

    def hangs() -> bytes:
        fetching.set()
        released.wait()
        raise TransientError("released")

    before = time.monotonic()
    with pipeline(hangs) as (waiting, heads):
        try:
            assert fetching.wait(PATIENCE_S)
            after = time.monotonic()
            until(lambda: waiting.stalled(heads, LIMIT_S) is not None, lambda: "no stall")
            assert time.monotonic() - before > LIMIT_S
            # those behind it may have waited a little longer, and are named first
            until(
                lambda: "partition 0, offset 0 has been fetching" in said(waiting, heads),
                lambda: said(waiting, heads),
            )
            since = waiting.head_since(heads)
        finally:
            released.set()
    assert since is not None
    assert before <= since <= after
