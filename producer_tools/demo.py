"""`speakerstream demo`: the sample meeting through Kafka and the service, on this machine.

Starts the embedded broker (or uses one that is given), the service as a process of its own with
the compact checkpoints, publishes the meeting in chunks, reads what the service commits, shows it
and stops everything it started. Anything missing is an error.
"""

import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from rich.console import Console

from consumer.errors import SpeakerstreamError
from consumer.events import Topics
from producer_tools import brokers, completeness, demo_view, meeting, rttm, topics
from producer_tools.embedded import EmbeddedBroker, EmbeddedBrokerError
from producer_tools.guarded import GuardedProcess
from producer_tools.linking import link
from producer_tools.loopback import answers
from producer_tools.publish.cutting import Cutting
from producer_tools.publish.publication import Publication
from producer_tools.publish.recordings import load
from producer_tools.publisher import ChunkPublisher
from producer_tools.report import command as report
from producer_tools.report.events import Events
from producer_tools.scoring import error_rate
from producer_tools.stores import destination
from producer_tools.subscribe import Event, Subscriber
from schemas.records import AudioChunk, ChunkResult

_SAMPLE = Path(__file__).parent / "sample"
_RECORDING = "meeting"
_CHUNK_S = 30.0
_SILENCE_S = 180.0  # without a new event; a slow machine needs a minute to load the models
_AFTER_S = 1.0  # how long to look for events that come twice
_STOP_S = 30.0


class DemoError(SpeakerstreamError):
    """The demo did not show what it should; says what and where to look."""


@dataclass(frozen=True, slots=True)
class _Setting:
    """Where the demo runs. Names are fresh each time, so that a broker may be used again."""

    bootstrap: str
    embedded: bool
    topics: Topics
    group: str
    folder: Path


def run(bootstrap: str | None, output: Path, settings: Mapping[str, str] | None = None) -> None:
    """Run the demo; `output` gets `events.jsonl`, `meeting.rttm`, `report.html`, `consumer.log`.

    Args:
        bootstrap: brokers to use; None starts the embedded one.
        output: folder, made if missing.
        settings: further settings of the service by name in capitals, as `ENGINE`.

    Raises:
        DemoError: the given broker cannot be used, a process ended, or a chunk or an event is
            missing.
        confluent_kafka.KafkaException: the broker failed later.
    """
    console = Console()
    output = output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    for left_over in ("events.jsonl", "meeting.rttm", "report.html", "consumer.log"):
        (output / left_over).unlink(missing_ok=True)
    with ExitStack() as stack, console.status("Starting") as status:
        embedded = bootstrap is None
        if bootstrap is None:
            status.update("Starting the embedded broker")
            bootstrap = _embedded_broker(stack).bootstrap
        setting = _setting(bootstrap, embedded, output)
        _create_topics(setting)
        console.print(f"Broker {bootstrap}{' (embedded)' if embedded else ''}, topics created.")

        service = stack.enter_context(_service(setting, settings or {}))
        status.update(f"Cutting and publishing {_RECORDING}.ogg")
        chunks = _publish(setting)
        console.print(f"Published {len(chunks)} chunks of {_CHUNK_S:g} s.")

        events = _collect(setting, chunks, service, status.update)
        status.update("Stopping the service")
        if code := service.stop(_STOP_S):
            raise DemoError(f"the service ended with exit code {code}; see {service.log}")
    _finish(console, output, chunks, events)


def _embedded_broker(stack: ExitStack) -> EmbeddedBroker:
    try:
        return stack.enter_context(EmbeddedBroker())
    except EmbeddedBrokerError as error:
        raise DemoError(f"{error}\nOr name a broker of yours: BOOTSTRAP=host:port") from error


def _setting(bootstrap: str, embedded: bool, output: Path) -> _Setting:
    prefix = f"demo-{uuid.uuid4().hex[:8]}"
    defaults = Topics()
    named = Topics(
        audio_chunks=f"{prefix}.{defaults.audio_chunks}",
        chunk_results=f"{prefix}.{defaults.chunk_results}",
        speaker_segments=f"{prefix}.{defaults.speaker_segments}",
        speaker_fingerprints=f"{prefix}.{defaults.speaker_fingerprints}",
        dead_letters=f"{prefix}.{defaults.dead_letters}",
    )
    return _Setting(bootstrap, embedded, named, prefix, output)


def _create_topics(setting: _Setting) -> None:
    # The client ends with this function: later it would complain that the broker has gone.
    admin = AdminClient({**brokers.QUIET, "bootstrap.servers": setting.bootstrap})
    try:
        topics.create(admin, setting.topics, topics.Layout(partitions=2))
    except KafkaException as error:
        check = "check --bootstrap (the demo brings no TLS and no login)"
        raise DemoError(brokers.sentence(error, setting.bootstrap, brokers.QUIET, check)) from error


def _service(setting: _Setting, settings: Mapping[str, str]) -> GuardedProcess:
    named = setting.topics
    variables = {
        "BOOTSTRAP_SERVERS": setting.bootstrap,
        "GROUP_ID": setting.group,
        "INSTANCE_ID": "demo",
        "START": "earliest",
        "METRICS_PORT": "0",
        "DIARIZER": "compact",
        "EMBEDDER": "compact",
        "ALLOWED_PREFIXES": json.dumps([setting.folder.as_uri()]),
        "TOPIC_AUDIO_CHUNKS": named.audio_chunks,
        "TOPIC_CHUNK_RESULTS": named.chunk_results,
        "TOPIC_SPEAKER_SEGMENTS": named.speaker_segments,
        "TOPIC_SPEAKER_FINGERPRINTS": named.speaker_fingerprints,
        "TOPIC_DEAD_LETTERS": named.dead_letters,
    }
    if setting.embedded:
        # A group join at this broker takes a good half of the session time-out.
        variables["KAFKA_CONSUMER"] = json.dumps({"session.timeout.ms": "6000"})
    variables.update(settings)
    env = {f"SPEAKERSTREAM_{name}": value for name, value in variables.items()}
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("SPEAKERSTREAM_")}
    command = [sys.executable, "-m", "consumer", "run"]
    return GuardedProcess(command, log=setting.folder / "consumer.log", env={**inherited, **env})


def _publish(setting: _Setting) -> list[AudioChunk]:
    waveform = load((_SAMPLE / f"{_RECORDING}.ogg").read_bytes())
    to = destination(str(setting.folder / "chunks"))
    topic = setting.topics.audio_chunks
    with ChunkPublisher(setting.bootstrap, topic, brokers.QUIET) as publisher:
        publication = Publication(publisher, to, Cutting(_CHUNK_S))
        pieces = publication.pieces(waveform, _RECORDING, frozenset())
        return list(publication.publish(waveform, pieces))


def _collect(
    setting: _Setting,
    chunks: Sequence[AudioChunk],
    service: GuardedProcess,
    report: Callable[[str], None],
) -> list[Event]:
    outputs = {topic: record for record, topic in setting.topics.outputs.items()}
    subscriber = Subscriber(setting.bootstrap, outputs, kafka=brokers.QUIET)
    events: list[Event] = []
    begin = last = time.monotonic()
    try:
        while not completeness.complete(chunks, [event.record for event in events]):
            done = sum(isinstance(event.record, ChunkResult) for event in events)
            doing = "loading its models" if not done else "working"
            seconds = time.monotonic() - begin
            report(f"The service is {doing}: {done} of {len(chunks)} chunks, {seconds:.0f} s")
            if (code := service.poll()) is not None:
                raise DemoError(
                    f"the service ended with exit code {code}; the end of {service.log}:\n"
                    f"{service.log_tail()}"
                )
            if setting.embedded and not answers(int(setting.bootstrap.rpartition(":")[2])):
                raise DemoError("the embedded broker ended")
            if time.monotonic() - last > _SILENCE_S:
                raise DemoError(
                    f"nothing came for {_SILENCE_S:g} s and {len(chunks) - done} chunks have no "
                    f"result; see {service.log}"
                )
            if (event := subscriber.poll(0.2)) is not None:
                events.append(event)
                last = time.monotonic()
        events += subscriber.events(_AFTER_S)
    finally:
        subscriber.close()
    return events


def _finish(
    console: Console, output: Path, chunks: Sequence[AudioChunk], events: Sequence[Event]
) -> None:
    lines = "".join(f"{event.to_json()}\n" for event in events)
    (output / "events.jsonl").write_text(lines, encoding="utf-8")
    records = [event.record for event in events]
    results = sorted(
        (record for record in records if isinstance(record, ChunkResult)),
        key=lambda result: result.sequence,
    )
    voices = link(results)
    for result in results:
        demo_view.show_chunk(console, result, voices)
    demo_view.show_voices(console, results, voices)

    hypothesis = meeting.turns(results, voices, _RECORDING)
    (output / "meeting.rttm").write_text(rttm.write(hypothesis), encoding="utf-8")
    reference = rttm.read((_SAMPLE / f"{_RECORDING}.rttm").read_text(encoding="utf-8"))
    spans = [(chunk.start_s, chunk.start_s + (chunk.duration_s or 0)) for chunk in chunks]
    whole = [(0.0, spans[-1][1])]
    demo_view.show_error_rate(
        console, "Within each chunk", error_rate(reference, hypothesis, spans)
    )
    demo_view.show_error_rate(
        console, "Whole meeting, voices linked", error_rate(reference, hypothesis, whole)
    )
    report.write(
        Events(results),
        output / "report.html",
        {_RECORDING: _SAMPLE / f"{_RECORDING}.ogg"},
        references={_RECORDING: reference},
    )
    console.print(f"Wrote {output / 'events.jsonl'} ({len(events)} events) and meeting.rttm.")
    console.print(f"To see and hear it: {output / 'report.html'}")
    if found := completeness.problems(chunks, records):
        raise DemoError("\n".join(found))
