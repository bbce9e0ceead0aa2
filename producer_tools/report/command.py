"""The command `speakerstream report`."""

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from producer_tools import options
from producer_tools.report.content import content
from producer_tools.report.events import read_results
from producer_tools.report.page import embedded, page
from producer_tools.subscribe import Subscriber
from schemas.records import ChunkResult


def command(
    events: Annotated[
        Path | None,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="a .jsonl of the demo or of `tail --json`; none: the topic chunk-results",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="the page")] = Path("report.html"),
    audio: Annotated[
        list[str] | None,
        typer.Option(metavar="RECORDING=FILE", help="audio to play; may be repeated"),
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
    with options.errors_in_a_sentence():
        if events is not None:
            results = list(read_results(events))
        elif bootstrap_servers:
            results = _committed(bootstrap_servers, idle_seconds, kafka, schema_registry_url)
        else:
            raise ValueError("name a .jsonl of events, or --bootstrap-servers")
        write(results, output, _files(audio or []), link_audio)
        print(f"Wrote {output}.")


def write(
    results: list[ChunkResult], output: Path, audio: dict[str, Path], link_audio: bool = False
) -> None:
    """Write the page of `results`; `audio` is what to play for each recording.

    Raises:
        ValueError: see `report.content.content`.
        OSError: a file cannot be read or written.
    """
    sources = {
        name: _relative(path, output) if link_audio else embedded(path)
        for name, path in audio.items()
    }
    output.write_text(page(content(results, sources)), encoding="utf-8")


def _relative(path: Path, page: Path) -> str:
    return quote(Path(os.path.relpath(path, page.parent)).as_posix())


def _committed(
    bootstrap_servers: str, idle_s: float, kafka: list[str] | None, registry: str | None
) -> list[ChunkResult]:
    subscriber = Subscriber(
        bootstrap_servers,
        {options.topics().chunk_results: ChunkResult},
        kafka=options.kafka(kafka),
        registry=options.registry(registry),
    )
    try:
        records = [event.record for event in subscriber.events(idle_s)]
    finally:
        subscriber.close()
    return [record for record in records if isinstance(record, ChunkResult)]


def _files(audio: list[str]) -> dict[str, Path]:
    pairs = [text.rpartition("=") for text in audio]
    for name, _, path in pairs:
        if not (name and Path(path).is_file()):
            raise ValueError(f"--audio takes RECORDING=FILE: {name!r} has no file {path!r}")
    return {name: Path(path) for name, _, path in pairs}
