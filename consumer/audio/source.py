"""The seam between the fetcher and the places it reads from."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from consumer.audio.reference import Location, Reference
from consumer.errors import SpeakerstreamError


@dataclass(frozen=True)
class Body:
    """An opened object: its size in bytes where the store tells it, and its bytes in pieces."""

    size: int | None
    pieces: Iterable[bytes]


class DamagedTransferError(Exception):
    """The bytes did not arrive as promised. Worth one more try; `verdict` holds if that fails."""

    def __init__(self, verdict: SpeakerstreamError) -> None:
        super().__init__(str(verdict))
        self.verdict = verdict


class Source(Protocol):
    """One kind of place. Thread-safe."""

    def open(
        self, location: Location, reference: Reference, deadline: float
    ) -> AbstractContextManager[Body]:
        """Open the object at `location`, holding it to the reference's etag and version.

        A source that may wait longer than the caller can see gives up at `deadline`, as of
        `time.monotonic`.
        Raises the errors of `Fetcher.fetch`, and DamagedTransferError from opening or reading.
        """
        ...

    def check(self, location: Location, deadline: float) -> None:
        """Raise TransientError or ObjectUnavailableError if a prefix cannot be reached."""
        ...

    def close(self) -> None:
        """Give up connections."""
        ...


def quoted(etag: str) -> str:
    """An entity tag as headers carry it (RFC 9110, 8.8.3), whether or not it came in quotes."""
    return etag if etag.startswith(('"', 'W/"')) else f'"{etag}"'
