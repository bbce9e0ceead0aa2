"""What the pipeline needs from the other rooms."""

from concurrent.futures import Future
from typing import Protocol

from consumer.audio.reference import Reference
from consumer.errors import Reason
from consumer.inference.results import Analysis, Waveform
from consumer.records import InputRecord, OutputRecord
from schemas.records import AudioChunk


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
