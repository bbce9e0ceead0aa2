"""What the pipeline needs from the other rooms, and what it is told."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from consumer.audio.reference import Reference
from consumer.errors import Reason
from consumer.inference.results import Analysis, Waveform
from consumer.records import InputRecord, OutputRecord, Ticket
from schemas.records import AudioChunk


@dataclass(frozen=True, slots=True)
class Limits:
    """What the pipeline may hold and how long it waits."""

    fetch_threads: int
    buffered_bytes: int
    object_bytes: int
    chunk_s: float
    batch_audio_s: float
    object_grace_s: float


class Fetcher(Protocol):
    """A reference becomes bytes. Called from several threads."""

    def fetch(self, reference: Reference) -> bytes:
        """The object's bytes, checked. Raises Permanent-, Transient-, ObjectUnavailableError."""
        ...

    def close(self) -> None:
        """Drop connections."""
        ...


class Decoder(Protocol):
    """Bytes become a waveform, outside this process."""

    def submit(self, data: bytes, channel: int | None) -> "Future[Waveform]":
        """The waveform, or PermanentError."""
        ...

    def alive(self) -> bool:
        """False once the pool cannot work any more."""
        ...

    def close(self, deadline_s: float) -> None:
        """Stop the workers."""
        ...


class Events(Protocol):
    """Answers become encoded records."""

    def diarized(
        self, chunk: AudioChunk, record: InputRecord, analysis: Analysis
    ) -> tuple[OutputRecord, ...]:
        """Raises PermanentError when the result is too large to publish."""
        ...

    def failed(
        self, record: InputRecord, chunk: AudioChunk | None, reason: Reason, message: str
    ) -> tuple[OutputRecord, ...]:
        """The dead letter and the failed result."""
        ...


class Watch(Protocol):
    """What the stages tell of themselves. Called from several threads; neither raises nor waits."""

    def fetched(self, size: int) -> None:
        """An object of `size` bytes was fetched."""
        ...

    def retried(self, cause: str) -> None:
        """A try was put off: the Reason one object gave, or "infrastructure"."""
        ...

    def misplaced(self) -> None:
        """A record's key is not its recording_id."""
        ...

    def inferred(
        self, batch: Sequence[Ticket], audio_s: float, fill: float, seconds: float
    ) -> None:
        """A batch just went through the engine.

        `audio_s` is its audio, `fill` that by the batch's limit, `seconds` the time it took.
        """
        ...
