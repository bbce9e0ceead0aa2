"""`speakerstream load`: publish chunks at a rate and see when they are answered."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from producer_tools import options
from producer_tools.publisher import ChunkPublisher
from producer_tools.subscribe import Subscriber
from schemas.records import AudioChunk, ChunkResult

_PERCENTILES = (50, 90, 99)
_REPORT_S = 2.0
_CHUNKS_PER_RECORDING = 60
_POLL_S = 0.05
_READY_S = 60.0


@dataclass
class Load:
    """A load under way: when each chunk was due, and how long its answer took.

    Latency counts from the moment a chunk was due, not from when it was published: a publisher
    that falls behind must not make the service look quick.
    """

    chunks: int
    rate: float | None  # chunks a second; None: as fast as they can be published
    began: float
    due: dict[str, float] = field(default_factory=dict)  # by chunk_id, until answered
    published: int = 0
    latencies_s: list[float] = field(default_factory=list)
    failed: int = 0
    last_answer: float = 0.0

    def next_due(self, now: float) -> float | None:
        """When the next chunk is due; None when all are published."""
        if self.published == self.chunks:
            return None
        return now if self.rate is None else self.began + self.published / self.rate

    def answered(self, result: ChunkResult, now: float) -> None:
        """A result came; those of other loads, and repeated ones, are passed over."""
        due = self.due.pop(result.chunk_id, None)
        if due is None:
            return
        self.latencies_s.append(now - due)
        self.failed += result.status == "failed"
        self.last_answer = now

    @property
    def finished(self) -> bool:
        """Whether everything is published and answered."""
        return self.published == self.chunks and not self.due

    @property
    def answers_per_s(self) -> float:
        """From the beginning to the last answer."""
        elapsed = self.last_answer - self.began
        return len(self.latencies_s) / elapsed if elapsed > 0 else 0.0

    def latency_s(self, percentile: float) -> float:
        """Of the answers so far, the nearest rank."""
        ordered = sorted(self.latencies_s)
        rank = max(1, -(-len(ordered) * percentile // 100))
        return ordered[int(rank) - 1]


def run(
    load: Load,
    publish: Callable[[AudioChunk], None],
    poll: Callable[[float], ChunkResult | None],
    uris: list[str],
    patience_s: float,
    say: Callable[[Load], None],
) -> None:
    """Publish what is due and read what is answered, until all is or nothing came for so long."""
    prefix = f"load-{uuid.uuid4().hex[:8]}"
    last_news = last_said = load.began
    while not load.finished:
        now = time.monotonic()
        while (due := load.next_due(now)) is not None and due <= now:
            chunk = _chunk(prefix, load.published, uris)
            load.due[chunk.chunk_id] = due
            load.published += 1
            publish(chunk)
            last_news = now
        wait_s = _POLL_S if due is None else min(_POLL_S, due - now)
        while (result := poll(wait_s)) is not None:
            last_news = time.monotonic()
            load.answered(result, last_news)
            wait_s = 0.0
            if due is not None and due <= last_news:
                break
        now = time.monotonic()
        if now - last_said >= _REPORT_S:
            say(load)
            last_said = now
        if now - last_news > patience_s:
            return


def _chunk(prefix: str, number: int, uris: list[str]) -> AudioChunk:
    recording, sequence = divmod(number, _CHUNKS_PER_RECORDING)
    return AudioChunk(
        recording_id=f"{prefix}-{recording}",
        chunk_id=f"{prefix}-{recording}/{sequence}",
        sequence=sequence,
        start_s=0.0,
        uri=uris[number % len(uris)],
    )


def command(
    uris: Annotated[list[str], typer.Argument(help="objects the service may read, used in turn")],
    bootstrap_servers: options.Bootstrap,
    chunks: Annotated[int, typer.Option(min=1, help="how many to publish")] = 1000,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="chunks a second; as fast as possible if none")
    ] = None,
    patience_seconds: Annotated[
        float, typer.Option(min=1, help="give up when nothing was answered for so long")
    ] = 120.0,
    kafka: options.KafkaProperties = None,
    schema_registry_url: options.RegistryUrl = None,
) -> None:
    """Load a running installation: publish chunks at a rate, report throughput and latency."""
    console = Console(stderr=True)
    with options.errors_in_a_sentence(bootstrap_servers, kafka):
        registry, named = options.registry(schema_registry_url), options.topics()
        properties = options.kafka(kafka)
        reader = Subscriber(
            bootstrap_servers, {named.chunk_results: ChunkResult}, False, properties, registry
        )
        with ChunkPublisher(
            bootstrap_servers, named.audio_chunks, properties, registry
        ) as publisher:

            def poll(timeout_s: float) -> ChunkResult | None:
                event = reader.poll(timeout_s)
                return None if event is None else _result(event.record)

            # Before: an answer could come where the reader has not looked yet.
            _wait_for_the_end(reader)
            load = Load(chunks, rate, time.monotonic())
            run(load, publisher.publish, poll, uris, patience_seconds, _said(console))
        reader.close()
    _report(load)
    if not load.finished:
        options.fail(
            f"{len(load.due)} of {load.published} chunks were not answered within "
            f"{patience_seconds:g} s: is a service running on these topics?"
        )


def _wait_for_the_end(reader: Subscriber) -> None:
    deadline = time.monotonic() + _READY_S
    while not reader.at_end:
        if time.monotonic() > deadline:
            options.fail(f"the results' topic could not be read to its end within {_READY_S:g} s")
        reader.message(_POLL_S)


def _result(record: object) -> ChunkResult:
    assert isinstance(record, ChunkResult)
    return record


def _said(console: Console) -> Callable[[Load], None]:
    def say(load: Load) -> None:
        console.print(
            f"published {load.published}, answered {len(load.latencies_s)}, "
            f"{load.answers_per_s:.1f} a second"
        )

    return say


def _report(load: Load) -> None:
    table = Table("", "", show_header=False)
    table.add_row("chunks published", f"{load.published}")
    table.add_row("answered", f"{len(load.latencies_s)} ({load.failed} failed)")
    table.add_row("answers a second", f"{load.answers_per_s:.2f}")
    if load.latencies_s:
        for percentile in _PERCENTILES:
            table.add_row(f"latency p{percentile}", f"{load.latency_s(percentile):.3f} s")
        table.add_row("longest", f"{max(load.latencies_s):.3f} s")
    Console().print(table)
