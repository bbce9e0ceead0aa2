"""The command line `speakerstream`. Commands that need torch import it when they run."""

import math
from pathlib import Path
from typing import Annotated

import typer
from confluent_kafka.admin import AdminClient
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from producer_tools import options, replay, tail, topics
from producer_tools.chunking import load, recording_id_of
from producer_tools.diarize import diarize
from producer_tools.publish import publish_recording
from producer_tools.publisher import ChunkPublisher
from producer_tools.report import command as report
from schemas import catalogue
from schemas.codec import subject
from schemas.records import AudioChunk, Record

app = typer.Typer(
    help="Tools for both ends of speakerstream.", no_args_is_help=True, add_completion=False
)
app.command("replay")(replay.command)
app.command("tail")(tail.command)
app.command("diarize")(diarize)
app.command("report")(report.command)


@app.command("publish")
def publish_command(
    recordings: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)],
    to: Annotated[str, typer.Option(help="folder or URL (s3://bucket/prefix) for the chunks")],
    bootstrap_servers: options.Bootstrap,
    chunk_seconds: Annotated[float, typer.Option(min=0.1, help="length of a chunk")] = 30.0,
    recording_id: Annotated[
        str | None, typer.Option(help="for one recording; else made of its name and content")
    ] = None,
    kafka: options.KafkaProperties = None,
    schema_registry_url: options.RegistryUrl = None,
) -> None:
    """Cut recordings into chunks, store them under --to, publish an event for each."""
    if recording_id is not None and len(recordings) > 1:
        raise typer.BadParameter("--recording-id names one recording; give one file")
    with options.errors_in_a_sentence(), _progress() as progress:
        registry = options.registry(schema_registry_url)
        topic = options.topics().audio_chunks
        with ChunkPublisher(bootstrap_servers, topic, options.kafka(kafka), registry) as publisher:
            for path in recordings:
                name = recording_id or recording_id_of(path)
                task = progress.add_task(f"{path.name}: decode", total=None)
                waveform = load(path)
                count = math.ceil(len(waveform) / (chunk_seconds * 16_000))
                progress.update(task, description=f"{path.name}: publish", total=count)
                for _ in publish_recording(publisher, waveform, name, to, chunk_seconds):
                    progress.advance(task)
                progress.console.print(f"{path.name}: {count} chunks of recording {name}")


@app.command("topics")
def topics_command(
    bootstrap_servers: options.Bootstrap,
    create: Annotated[bool, typer.Option("--create", help="create those missing")] = False,
    check: Annotated[bool, typer.Option("--check", help="exit 1 when one is wrong")] = False,
    partitions: Annotated[int, typer.Option(min=1, help="of each topic created")] = 12,
    replication: Annotated[int, typer.Option(min=1, help="copies of each partition")] = 1,
    kafka: options.KafkaProperties = None,
) -> None:
    """Create the topics, or check that they are as the service needs them."""
    if not (create or check):
        raise typer.BadParameter("say --create, --check or both")
    with options.errors_in_a_sentence():
        admin = AdminClient({**options.kafka(kafka), "bootstrap.servers": bootstrap_servers})
        named = options.topics()
        if create:
            created = topics.create(admin, named, topics.Layout(partitions, replication))
            for name in topics.names(named):
                print(f"{name}: {'created' if name in created else 'was there'}")
        if check:
            if problems := topics.check(admin, named):
                options.fail("\n".join(problems))
            print("The topics are as they should be.")


@app.command("schemas")
def schemas_command(
    schema_registry_url: options.RegistryUrl,
    register: Annotated[
        bool, typer.Option("--register", help="register what is missing; else only look")
    ] = False,
) -> None:
    """Show under which ids the registry holds today's schemas."""
    with options.errors_in_a_sentence():
        registry = options.registry(schema_registry_url, register)
        if registry is None:
            raise ValueError("give --schema-registry-url")
        named = options.topics()
        owners: dict[type[Record], str] = {AudioChunk: named.audio_chunks, **named.outputs}
        for record, topic in owners.items():
            found = registry.id_of(subject(topic), catalogue.text(record.avro_name))
            print(f"{subject(topic)}: {record.avro_name} has id {found}")


@app.command("demo")
def demo_command(
    bootstrap: Annotated[
        str | None, typer.Option(envvar="BOOTSTRAP", help="a broker to use; none: an embedded one")
    ] = None,
    output: Annotated[Path, typer.Option(help="folder for what is written")] = Path("build/demo"),
) -> None:
    """Turn the sample meeting into speaker events on Kafka, and show them."""
    from producer_tools import demo

    with options.errors_in_a_sentence():
        demo.run(bootstrap or None, output)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, transient=True)
