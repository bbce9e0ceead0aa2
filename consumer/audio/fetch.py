"""A reference becomes bytes: allowed, bounded, and the very bytes the event speaks of."""

import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from consumer.audio.files import FileSource
from consumer.audio.http import HttpSource
from consumer.audio.reference import WEB_SCHEMES, AllowList, Location, Reference, parse
from consumer.audio.source import Body, DamagedTransferError, Source
from consumer.audio.stores import StoreSource
from consumer.errors import PermanentError, Reason, TransientError

_LONGEST_CLAIM = 1024
_ETAG = re.compile(rf"[!-~]{{0,{_LONGEST_CLAIM}}}")
_VERSION = re.compile(rf"[!-~]{{1,{_LONGEST_CLAIM}}}")


@dataclass(frozen=True)
class FetchLimits:
    """Bounds of one fetch. Ten minutes of 48 kHz stereo 24-bit WAV are 173 MB."""

    max_bytes: int = 256 * 1024 * 1024
    connect_s: float = 5.0
    read_s: float = 10.0  # longest silence of a web server
    total_s: float = 60.0  # whole fetch, its second try included


class Fetcher:
    """Reads objects from files, object stores and web servers. Thread-safe.

    `store_options`: see `StoreSource`.
    """

    def __init__(
        self, limits: FetchLimits, allow: AllowList, store_options: Mapping[str, str]
    ) -> None:
        self._limits = limits
        self._allow = allow
        stores = StoreSource(store_options, connect_s=limits.connect_s, total_s=limits.total_s)
        web = HttpSource(allow, connect_s=limits.connect_s, read_s=limits.read_s)
        self._sources: dict[str, Source] = {
            "file": FileSource(),
            **dict.fromkeys(("s3", "gs", "az", "abfs"), stores),
            **dict.fromkeys(WEB_SCHEMES, web),
        }

    def fetch(self, reference: Reference) -> bytes:
        """All bytes of the object. A damaged transfer is tried once more, nothing else is.

        Raises:
            PermanentError: REFERENCE_FORBIDDEN, REFERENCE_EXPIRED, MALFORMED_EVENT (an etag or
                version_id that can be none), TOO_LARGE, EMPTY_OBJECT, OBJECT_CHANGED (etag or
                version), DIGEST_MISMATCH (size or sha256, twice).
            ObjectUnavailableError: OBJECT_MISSING or OBJECT_DENIED, perhaps only yet.
            TransientError: the store cannot be reached, is too slow or fails (5xx).
        """
        location = self._allow.check(reference.uri)
        _check_claims(reference)
        if reference.size_bytes is not None:
            self._bound(reference.size_bytes, location)
        deadline = time.monotonic() + self._limits.total_s
        try:
            return self._read(location, reference, deadline)
        except DamagedTransferError as damage:
            if time.monotonic() > deadline:
                raise damage.verdict from None
        try:
            return self._read(location, reference, deadline)
        except DamagedTransferError as damage:
            raise damage.verdict from None

    def check(self, prefix: str) -> None:
        """Ask whether the place of an allowed prefix can be reached.

        Raises TransientError, ObjectUnavailableError or FatalError (settings) saying why not.
        """
        location = parse(prefix)
        deadline = time.monotonic() + self._limits.total_s
        self._sources[location.scheme].check(location, deadline)

    def close(self) -> None:
        """Give up all connections."""
        for source in set(self._sources.values()):
            source.close()

    def _read(self, location: Location, reference: Reference, deadline: float) -> bytes:
        with self._sources[location.scheme].open(location, reference, deadline) as body:
            if body.size is not None:
                self._bound(body.size, location)
            data = self._collect(body, location, deadline, reference.size_bytes)
        if reference.size_bytes is not None and len(data) != reference.size_bytes:
            raise _mismatch(location, f"{len(data)} bytes, not {reference.size_bytes}")
        if not data:
            raise PermanentError(Reason.EMPTY_OBJECT, f"{location} has no bytes")
        if reference.sha256 is not None:
            digest = hashlib.sha256(data).hexdigest()
            if digest != reference.sha256.lower():
                raise _mismatch(location, f"sha256 {digest}, not {reference.sha256.lower()}")
        return data

    def _collect(
        self, body: Body, location: Location, deadline: float, promised: int | None
    ) -> bytes:
        pieces: list[bytes] = []
        size = 0
        for piece in body.pieces:
            size += len(piece)
            self._bound(size, location)
            if promised is not None and size > promised:
                raise _mismatch(location, f"{size} bytes or more, not {promised}")
            if time.monotonic() > deadline:
                raise TransientError(
                    f"{location} did not arrive within {self._limits.total_s:g} s ({size} bytes)"
                )
            pieces.append(piece)
        return b"".join(pieces)

    def _bound(self, size: int, location: Location) -> None:
        if size > self._limits.max_bytes:
            raise PermanentError(
                Reason.TOO_LARGE,
                f"{location} has {size} bytes or more; the limit is {self._limits.max_bytes}",
            )


def _check_claims(reference: Reference) -> None:
    """Refuse what no store gives out, and no client can send."""
    for name, claim, form in (
        ("etag", reference.etag, _ETAG),
        ("version_id", reference.version_id, _VERSION),
    ):
        if claim is not None and not form.fullmatch(claim):
            raise PermanentError(
                Reason.MALFORMED_EVENT,
                f"{name} {claim[:50]!a} cannot be one: they have up to {_LONGEST_CLAIM} "
                "characters, ASCII without spaces",
            )


def _mismatch(location: Location, found: str) -> DamagedTransferError:
    return DamagedTransferError(
        PermanentError(Reason.DIGEST_MISMATCH, f"{location} arrived with {found} as the event says")
    )
