"""The command `speakerstream publish`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from consumer.errors import PermanentError
from producer_tools import options
from producer_tools.publish import recordings
from producer_tools.publish.cutting import SHORTEST_S, Cutting
from producer_tools.publish.encoding import Codec
from producer_tools.publish.publication import Publication
from producer_tools.publish.published import ChunkKeys, published
from producer_tools.publish.recordings import Recording
from producer_tools.publisher import ChunkPublisher
from producer_tools.stores import destination


def command(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="RECORDING...",
            help="files, globs, or objects in a store: talk.m4a 'talks/*.wav' s3://bucket/*.ogg",
        ),
    ],
    to: Annotated[str, typer.Option(help="folder or URL (s3://bucket/prefix) for the chunks")],
    bootstrap_servers: options.Bootstrap,
    chunk_seconds: Annotated[
        float, typer.Option(min=SHORTEST_S, help="length of a chunk, overlap included")
    ] = 30.0,
    overlap_seconds: Annotated[
        float, typer.Option(min=0, help="how much a chunk repeats of the one before")
    ] = 0.0,
    silence_within: Annotated[
        float, typer.Option(min=0, help="move a cut by up to so many seconds, into a silence")
    ] = 0.0,
    codec: Annotated[Codec, typer.Option(help="flac loses nothing, opus takes less room")] = (
        Codec.FLAC
    ),
    recording_id: Annotated[
        str | None, typer.Option(help="for one recording; else made of its name and content")
    ] = None,
    parallel: Annotated[
        int, typer.Option(min=1, max=64, help="chunks encoded and stored at the same time")
    ] = 4,
    again: Annotated[
        bool, typer.Option("--again", help="publish also the chunks that are on the topic already")
    ] = False,
    kafka: options.KafkaProperties = None,
    schema_registry_url: options.RegistryUrl = None,
) -> None:
    """Cut recordings into chunks, store them under --to, publish an event for each.

    Interrupted, it goes on where it was when called again: chunks whose events are on the topic
    already are left out, recognised by recording_id and chunk_id.
    """
    with options.errors_in_a_sentence(bootstrap_servers, kafka), _progress() as progress:
        named = {r.name: r for name in names for r in recordings.find(name)}
        found = list(named.values())
        if recording_id is not None and len(found) > 1:
            raise ValueError(f"--recording-id names one recording; here are {len(found)}")
        cutting = Cutting(chunk_seconds, overlap_seconds, silence_within)
        properties = options.kafka(kafka)
        registry = options.registry(schema_registry_url)
        topic = options.topics().audio_chunks
        done: ChunkKeys = frozenset()
        if not again:
            looking = progress.add_task(f"Looking for chunks on {topic}", total=None)
            ours = _ours(found, recording_id)
            done = published(bootstrap_servers, topic, ours, properties, registry)
            progress.remove_task(looking)
        with ChunkPublisher(bootstrap_servers, topic, properties, registry) as publisher:
            publication = Publication(publisher, destination(to), cutting, codec, parallel)
            _Run(publication, done, progress).all(found, recording_id)


def _ours(found: Sequence[Recording], recording_id: str | None) -> Callable[[str], bool]:
    """Whether an id may be of these recordings; for certain one knows when they have been read."""
    if recording_id is not None:
        return lambda key: key == recording_id
    stems = {recording.stem for recording in found}
    return lambda key: key.rpartition("-")[0] in stems


@dataclass(frozen=True, slots=True)
class _Run:
    """One call: what it publishes, what is there already, and where it shows how far it is."""

    publication: Publication
    done: ChunkKeys
    progress: Progress

    def all(self, found: Sequence[Recording], recording_id: str | None) -> None:
        """Publish recordings, one after the other."""
        # In bytes of the recordings, which are known before they are decoded.
        task = self.progress.add_task("", total=sum(recording.size for recording in found))
        for number, recording in enumerate(found, start=1):
            place = f"{number} of {len(found)}, {recording.name}"
            self.progress.update(task, description=f"{place}: decode")
            for done, total in self._one(recording, recording_id):
                self.progress.update(
                    task,
                    description=f"{place}: chunk {done} of {total}",
                    completed=sum(r.size for r in found[: number - 1])
                    + recording.size * done / total,
                )

    def _one(self, recording: Recording, recording_id: str | None) -> Iterator[tuple[int, int]]:
        """Publish one; yields how many of how many chunks are done."""
        content = recording.read()
        name = recording_id or recordings.recording_id(recording, content)
        try:
            waveform = recordings.load(content)
        except PermanentError as error:
            raise ValueError(f"{recording.name}: {error}") from None
        del content  # the waveform is large enough
        total = len(self.publication.pieces(waveform, name, frozenset()))
        pieces = self.publication.pieces(waveform, name, self.done)
        there = total - len(pieces)
        for count, _ in enumerate(self.publication.publish(waveform, pieces), start=there + 1):
            yield count, total
        self.publication.publisher.flush()  # what is said to be published has arrived
        left_out = (
            f"; {there} more {'was' if there == 1 else 'were'} there already" if there else ""
        )
        chunks = options.counted(len(pieces), "chunk")
        self.progress.console.print(
            f"{recording.name}: published {chunks} of recording {name}{left_out}",
            soft_wrap=True,
            highlight=False,
            markup=False,
        )


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        transient=True,
    )
