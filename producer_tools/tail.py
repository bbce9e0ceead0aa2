"""`speakerstream tail`: print events as they are committed."""

from typing import Annotated

import typer

from producer_tools import options
from producer_tools.subscribe import Event, Subscriber
from schemas.records import AudioChunk, ChunkResult, SpeakerFingerprint, SpeakerSegment

_NAMES = {
    "audio-chunks": AudioChunk,
    "chunk-results": ChunkResult,
    "speaker-segments": SpeakerSegment,
    "speaker-fingerprints": SpeakerFingerprint,
}


def command(
    bootstrap_servers: options.Bootstrap,
    what: Annotated[
        list[str] | None, typer.Argument(help=f"which events: {', '.join(_NAMES)}")
    ] = None,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="also what is there already")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="one object a line, whole")] = False,
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
    with options.errors_in_a_sentence():
        subscriber = Subscriber(
            bootstrap_servers,
            topics,
            from_beginning,
            options.kafka(kafka),
            options.registry(schema_registry_url),
        )
        try:
            for event in subscriber.events(idle_seconds or float("inf")):
                print(event.to_json() if json else summary(event), flush=True)
        except KeyboardInterrupt:
            pass
        finally:
            subscriber.close()


def summary(event: Event) -> str:
    """One event in one line."""
    record = event.record
    place = f"{event.topic}[{event.partition}]@{event.offset} {event.key}"
    match record:
        case ChunkResult(status="failed"):
            return f"{place} {record.chunk_id} failed: {record.reason}"
        case ChunkResult():
            turns = ", ".join(f"{s.speaker} {s.start_s:.2f}-{s.end_s:.2f}" for s in record.segments)
            return f"{place} {record.chunk_id} {turns or 'nobody speaks'}"
        case SpeakerSegment():
            times = f"{record.recording_start_s:.2f}-{record.recording_end_s:.2f}"
            return f"{place} {record.chunk_id} {record.speaker} {times}"
        case SpeakerFingerprint():
            return f"{place} {record.chunk_id} {record.speaker} {record.speech_s:.1f} s"
        case AudioChunk():
            return f"{place} {record.chunk_id} {record.uri}"
    return place
