"""Objects behind https (and http, where it is listed)."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from urllib.parse import urljoin

import httpcore
import httpx

from consumer.audio.addresses import resolve
from consumer.audio.connections import FAILURES, Response, connections, held_to, send
from consumer.audio.presigned import has_expired
from consumer.audio.reference import WEB_SCHEMES, AllowList, Location, Reference, forbidden
from consumer.audio.source import Body, DamagedTransferError, quoted
from consumer.errors import (
    ObjectUnavailableError,
    PermanentError,
    Reason,
    SpeakerstreamError,
    TransientError,
)

MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_LATER = (408, 425, 429)  # answers of a server that is there and asks to come back
_ERROR_BODY = 4096  # enough of a store's error document to find its code in


class HttpSource:
    """Reads web objects over connections made to checked addresses.

    The name is resolved here, its addresses are checked, and the connection goes to one of them
    with the name kept in `Host` and in TLS (SNI and certificate check). Proxies of the
    environment are not used: they would resolve the name again. Nothing lasts longer than its
    deadline, but for that look-up: how long it may take, the system's resolver says.
    """

    def __init__(self, allow: AllowList, *, connect_s: float, read_s: float) -> None:
        self._allow = allow
        self._connect_s = connect_s
        self._read_s = read_s
        self._tls = (
            httpx.create_ssl_context()
        )  # honours SSL_CERT_FILE for certificates of one's own
        # One pool per host: connections are kept by address, and two hosts may share one.
        self._pools: dict[tuple[str, str], httpcore.ConnectionPool] = {}
        self._lock = Lock()

    @contextmanager
    def open(self, location: Location, reference: Reference, deadline: float) -> Iterator[Body]:
        """Follow redirects, each hop checked, and open the object; see `Source.open`."""
        headers = {"Accept-Encoding": "identity"}
        etag = quoted(reference.etag) if reference.etag is not None else None
        if etag is not None and not etag.startswith("W/"):  # If-Match never matches weak ones
            headers["If-Match"] = etag
        with held_to(deadline):
            response = self._follow(location, headers)
            try:
                if response.status != 200:
                    raise _refusal(response, location)
                _verify(response, location, reference, etag)
                length = response.headers.get("Content-Length", "")
                size = int(length) if length.isascii() and length.isdigit() else None
                yield Body(size, _pieces(response, location))
            finally:
                response.close()

    def check(self, location: Location, deadline: float) -> None:
        """See `Source.check`: any answer of the server will do."""
        with held_to(deadline):
            response = self._send(location, {}, method="HEAD")
            response.close()
        if response.status >= 500:
            raise TransientError(f"{location} answers {response.status}")

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()

    def _follow(self, location: Location, headers: Mapping[str, str]) -> Response:
        hop = location
        for _ in range(MAX_REDIRECTS + 1):
            response = self._send(hop, headers)
            target = response.headers.get("Location")
            if response.status not in _REDIRECTS or target is None:
                return response
            response.close()
            hop = self._allow.check(_joined(hop, target))
            if hop.scheme not in WEB_SCHEMES:
                raise forbidden(str(location), f"it redirects to {hop.scheme}://")
        raise forbidden(str(location), f"it redirects more than {MAX_REDIRECTS} times")

    def _send(
        self, location: Location, headers: Mapping[str, str], method: str = "GET"
    ) -> Response:
        url = httpx.URL(location.url)
        port = url.port or (443 if location.scheme == "https" else 80)
        host = url.raw_host.decode("ascii")  # `url.host` would decode `xn--`: to another name
        pool = self._pool(location)
        failure: Exception | None = None
        for address in resolve(host, port, allow_private=self._allow.allow_private_hosts):
            try:
                return send(
                    pool,
                    method,
                    url,
                    address,
                    {"Host": location.authority, "User-Agent": "speakerstream", **headers},
                    connect_s=self._connect_s,
                    read_s=self._read_s,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            except FAILURES as error:
                raise TransientError(f"{location} cannot be read: {_cause(error)}") from None
        cause = _cause(failure) if failure is not None else "no address"
        raise TransientError(f"{location} cannot be reached: {cause}")

    def _pool(self, location: Location) -> httpcore.ConnectionPool:
        with self._lock:
            place = (location.scheme, location.authority)
            if place not in self._pools:
                self._pools[place] = connections(self._tls)
            return self._pools[place]


def _joined(hop: Location, target: str) -> str:
    # A fragment is for whoever reads the object, not for the server (RFC 9110, 10.2.2).
    target = target.partition("#")[0]
    try:
        return urljoin(hop.url, target)
    except ValueError:  # brackets that are no IPv6 address
        raise forbidden(str(hop), "it redirects to what is no uri") from None


def _cause(error: Exception) -> str:
    # The texts of timeouts are empty: the class says what happened.
    return f"{type(error).__name__} {error}".strip()


def _pieces(response: Response, location: Location) -> Iterator[bytes]:
    try:
        yield from response.pieces()  # as it comes: a size would wait for slow ones
    except httpcore.TimeoutException as error:
        raise TransientError(f"{location} came too slowly: {_cause(error)}") from None
    except FAILURES as error:
        raise DamagedTransferError(
            TransientError(f"{location} broke off: {_cause(error)}")
        ) from None


def _verify(response: Response, location: Location, reference: Reference, etag: str | None) -> None:
    """Hold a server that ignores If-Match, or serves another version, to the event's claims."""
    found = response.headers.get("ETag")
    if (
        etag is not None
        and found is not None
        and found.removeprefix("W/") != etag.removeprefix("W/")
    ):
        raise PermanentError(
            Reason.OBJECT_CHANGED, f"{location} has another etag than the event says"
        )
    version = response.headers.get("x-amz-version-id")
    if reference.version_id is not None and version not in (None, reference.version_id):
        raise PermanentError(
            Reason.OBJECT_CHANGED, f"{location} is another version than the event says"
        )


def _refusal(response: Response, location: Location) -> SpeakerstreamError:
    status = response.status
    said = f"{location} answers {status}"
    if status in (404, 410):
        return ObjectUnavailableError(Reason.OBJECT_MISSING, said)
    if status == 412:
        return PermanentError(
            Reason.OBJECT_CHANGED, f"{location} has another etag than the event says"
        )
    if status >= 500 or status in _LATER:
        return TransientError(said)
    # Without a query nothing can have expired: what a server then says is not waited for.
    body = _beginning(response) if location.query else b""
    if has_expired(location.query, time.time(), body):
        return PermanentError(
            Reason.REFERENCE_EXPIRED, f"{said}: the presigned reference has expired"
        )
    return ObjectUnavailableError(Reason.OBJECT_DENIED, said)


def _beginning(response: Response) -> bytes:
    text = b""
    try:
        for piece in response.pieces():
            text += piece
            if len(text) >= _ERROR_BODY:
                break
    except FAILURES:
        pass  # the status alone decides then
    return text
