"""The command `speakerstream report`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from producer_tools import dead_letters, options, rttm
from producer_tools.report.content import References, content
from producer_tools.report.events import Events, read_events
from producer_tools.report.page import embedded, page
from producer_tools.subscribe import Subscriber
from schemas.records import ChunkResult


def command(
    events: Annotated[
        Path | None,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="a .jsonl of the demo or of `tail --json`; none: the topics themselves",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="the page")] = Path("report.html"),
    audio: Annotated[
        list[str] | None,
        typer.Option(metavar="RECORDING=FILE", help="audio to play; may be repeated"),
    ] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RECORDING=FILE", help="RTTM of who really spoke, for the calibration plot"
        ),
    ] = None,
    link_audio: Annotated[
        bool, typer.Option("--link-audio", help="refer to the audio instead of embedding it")
    ] = False,
    bootstrap_servers: Annotated[
        str | None, typer.Option(envvar="SPEAKERSTREAM_BOOTSTRAP_SERVERS", help="Kafka brokers")
    ] = None,
    idle_seconds: Annotated[
        float, typer.Option(min=0, help="of a topic: stop when nothing came for so long")
    ] = 5.0,
    kafka: options.KafkaProperties = None,
    schema_registry_url: options.RegistryUrl = None,
) -> None:
    """Write one HTML page: who spoke when, how certain that is, which voices are the same."""
    with options.errors_in_a_sentence(bootstrap_servers, kafka):
        if events is not None:
            found = read_events(events)
        elif bootstrap_servers:
            found = _committed(bootstrap_servers, idle_seconds, kafka, schema_registry_url)
        else:
            raise ValueError("name a .jsonl of events, or --bootstrap-servers")
        references = {
            name: rttm.read(path.read_text(encoding="utf-8"))
            for name, path in _files("--reference", reference or []).items()
        }
        write(found, output, _files("--audio", audio or []), link_audio, references)
        print(f"Wrote {output}.")


def write(
    events: Events,
    output: Path,
    audio: Mapping[str, Path],
    link_audio: bool = False,
    references: References | None = None,
) -> None:
    """Write the page of `events`.

    Args:
        events: what it shows.
        output: the page.
        audio: what to play for each recording.
        link_audio: refer to the audio instead of embedding it.
        references: who really spoke in a recording, for its calibration plot.

    Raises:
        ValueError: see `report.content.content`.
        OSError: a file cannot be read or written.
    """
    sources = {
        name: _relative(path, output) if link_audio else embedded(path)
        for name, path in audio.items()
    }
    made = content(events.results, sources, references, events.letters)
    output.write_text(page(made), encoding="utf-8")


def _relative(path: Path, page: Path) -> str:
    return quote(Path(os.path.relpath(path, page.parent)).as_posix())


def _committed(
    bootstrap_servers: str, idle_s: float, kafka: list[str] | None, registry: str | None
) -> Events:
    topics, properties = options.topics(), options.kafka(kafka)
    subscriber = Subscriber(
        bootstrap_servers,
        {topics.chunk_results: ChunkResult},
        kafka=properties,
        registry=options.registry(registry),
    )
    try:
        records = [event.record for event in subscriber.events(idle_s)]
    finally:
        subscriber.close()
    letters = dead_letters.read(bootstrap_servers, topics.dead_letters, properties)
    return Events(
        [record for record in records if isinstance(record, ChunkResult)],
        [letter.facts() for letter in letters],
    )


def _files(option: str, given: list[str]) -> dict[str, Path]:
    pairs = [text.rpartition("=") for text in given]
    for name, _, path in pairs:
        if not (name and Path(path).is_file()):
            raise ValueError(f"{option} takes RECORDING=FILE: {name!r} has no file {path!r}")
    return {name: Path(path) for name, _, path in pairs}
