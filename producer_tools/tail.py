"""`speakerstream tail`: print events and dead letters as they are committed."""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from json import dumps
from typing import Annotated, Any

import typer
from confluent_kafka import Message

from producer_tools import dead_letters, meeting, options
from producer_tools.dead_letters import DeadLetter
from producer_tools.subscribe import Event, Subscriber
from schemas.errors import MalformedEventError, UnknownSchemaError
from schemas.records import AudioChunk, ChunkResult, Record, SpeakerFingerprint, SpeakerSegment

_DEAD_LETTERS = "dead-letters"
_NAMES: dict[str, type[Record] | None] = {
    "audio-chunks": AudioChunk,
    "chunk-results": ChunkResult,
    "speaker-segments": SpeakerSegment,
    "speaker-fingerprints": SpeakerFingerprint,
    _DEAD_LETTERS: None,
}


@dataclass(frozen=True, slots=True)
class _Filter:
    """What to show; a condition not given holds for everything."""

    recordings: frozenset[str]
    reasons: frozenset[str]
    failed: bool

    def __contains__(self, shown: Event | DeadLetter) -> bool:
        if isinstance(shown, DeadLetter):
            recording, reason = shown.recording_id, shown.reason
        else:
            recording = shown.key
            record = shown.record
            reason = (record.reason or "") if isinstance(record, ChunkResult) else ""
        return (
            (not self.recordings or recording in self.recordings)
            and (not self.reasons or reason in self.reasons)
            and (not self.failed or bool(reason))
        )


def command(
    bootstrap_servers: options.Bootstrap,
    what: Annotated[
        list[str] | None, typer.Argument(help=f"which events: {', '.join(_NAMES)}")
    ] = None,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="also what is there already")
    ] = False,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=options.moment, metavar="TIME", help="also what was written from then on; UTC"
        ),
    ] = None,
    recording: options.Recordings = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="only failed results and dead letters")
    ] = False,
    reason: options.Reasons = None,
    json: Annotated[bool, typer.Option("--json", help="one object a line, whole")] = False,
    count: Annotated[int | None, typer.Option(min=1, help="stop when so many were printed")] = None,
    idle_seconds: Annotated[
        float | None, typer.Option(min=0, help="stop when nothing came for so long")
    ] = None,
    kafka: options.KafkaProperties = None,
    schema_registry_url: options.RegistryUrl = None,
) -> None:
    """Print events as they are committed (chunk-results unless told otherwise)."""
    chosen = what or ["chunk-results"]
    if unknown := set(chosen) - _NAMES.keys():
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: choose from {', '.join(_NAMES)}")
    named = options.topics()
    topics = {getattr(named, name.replace("-", "_")): _NAMES[name] for name in chosen}
    wanted = _Filter(
        frozenset(recording or ()), frozenset(each.value for each in reason or ()), failed
    )
    with options.errors_in_a_sentence(bootstrap_servers, kafka):
        subscriber = Subscriber(
            bootstrap_servers,
            topics,
            from_beginning,
            options.kafka(kafka),
            options.registry(schema_registry_url),
            since,
        )
        try:
            until_idle_s = math.inf if idle_seconds is None else idle_seconds
            found = (s for s in _shown(subscriber, named.dead_letters, until_idle_s) if s in wanted)
            for shown in islice(found, count):
                print(_line(shown) if json else summary(shown), flush=True)
        except KeyboardInterrupt:
            pass
        finally:
            subscriber.close()


def _shown(subscriber: Subscriber, dead: str, until_idle_s: float) -> Iterator[Event | DeadLetter]:
    """What comes, until nothing has come for so long; what cannot be read is said and passed."""
    for message in subscriber.messages(until_idle_s):
        try:
            if message.topic() == dead:
                yield dead_letters.letter(message)
            else:
                yield subscriber.event(message)
        except (MalformedEventError, UnknownSchemaError, ValueError) as error:
            print(f"{_place(message)} cannot be read: {error}", file=sys.stderr, flush=True)


def _place(message: Message) -> str:
    return f"{message.topic()}[{message.partition()}]@{message.offset()}"


def _line(shown: Event | DeadLetter) -> str:
    return (
        shown.to_json() if isinstance(shown, Event) else dumps(_letter(shown), ensure_ascii=False)
    )


def _letter(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter in the form of `Event.to_json`; `value` says what is known about it."""
    return {
        "topic": options.topics().dead_letters,
        "partition": letter.partition,
        "offset": letter.offset,
        "type": "DeadLetter",
        "key": letter.recording_id,
        "value": letter.facts(),
    }


def summary(event: Event | DeadLetter) -> str:
    """One event or dead letter in one line, and under a result one for each segment."""
    if isinstance(event, DeadLetter):
        return (
            f"{event.recording_id} dead letter of {event.origin}: {event.reason}: {event.message}"
        )
    record = event.record
    place = f"{event.topic}[{event.partition}]@{event.offset} {event.key}"
    match record:
        case ChunkResult(status="failed"):
            return f"{place} {record.chunk_id} failed: {record.reason}"
        case ChunkResult(segments=()):
            return f"{place} {record.chunk_id} nobody speaks"
        case ChunkResult():
            head = f"{place} {record.chunk_id}, seconds within the chunk:"
            return "\n".join((head, *_rows(record)))
        case SpeakerSegment():
            times = f"{record.recording_start_s:.2f} to {record.recording_end_s:.2f} s"
            return f"{place} {record.chunk_id} {record.speaker} {times} of the recording"
        case SpeakerFingerprint():
            speech = f"{record.speech_s:.1f} s of speech"
            return f"{place} {record.chunk_id} {record.speaker} {speech}"
        case AudioChunk():
            return f"{place} {record.chunk_id} {record.uri}"
    return place


def _rows(result: ChunkResult) -> Iterator[str]:
    uncertain_below = result.thresholds.uncertain_confidence
    for segment in result.segments:
        who = meeting.shown(segment.speaker, segment.confidence, uncertain_below)
        yield meeting.row(segment.start_s, segment.end_s, who, segment.confidence)
