"""A pipeline of real parts around a store that does as told, without a broker."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from consumer.audio.decode import decode
from consumer.audio.reference import Reference
from consumer.events import EventWriter, Topics
from consumer.inference.results import Engine, Waveform
from consumer.inference.stand_in import StandInEngine
from consumer.pipeline.pipeline import Pipeline
from consumer.pipeline.seams import Limits
from consumer.records import InputRecord, Ticket
from consumer.telemetry.health import Deadlines
from consumer.telemetry.telemetry import Telemetry
from schemas.codec import Decoder, Encoder
from schemas.records import AudioChunk

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


class _Threads:
    """Decodes on two threads."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(2)

    def submit(self, data: bytes, channel: int | None) -> "Future[Waveform]":
        return self._threads.submit(decode, data, channel=channel)

    def alive(self) -> bool:
        return True

    def close(self, deadline_s: float) -> None:
        self._threads.shutdown()


def record(ticket: Ticket, chunk: AudioChunk = CHUNK) -> InputRecord:
    """An event of just now."""
    value = Encoder().encode(chunk)
    return InputRecord(ticket, "in", b"r", value, (), int(time.time() * 1000))


@contextmanager
def pipeline(
    fetch: Callable[[], bytes],
    records: int,
    *,
    chunk: AudioChunk = CHUNK,
    engine: Engine | None = None,
    buffered_bytes: int = 1 << 30,
) -> Iterator[tuple[Pipeline, Sequence[Ticket]]]:
    """One fetch thread, and the head record of each partition."""
    engine = engine or StandInEngine()
    topics = Topics()
    made = Pipeline(
        codec_in=Decoder(),
        fetcher=_Store(fetch),
        decoder=_Threads(),
        engine=engine,
        events=EventWriter(Encoder(), topics, engine.models, "0.1.0"),
        limits=Limits(1, buffered_bytes, 1 << 20, 60.0, 600.0, 300.0),
        watch=Telemetry(topics, Deadlines(60, 60, 60)),
    )
    tickets = [Ticket(partition, 1, 0) for partition in range(records)]
    for ticket in tickets:
        made.submit(record(ticket, chunk))
    try:
        yield made, tickets
    finally:
        made.close(1.0)
