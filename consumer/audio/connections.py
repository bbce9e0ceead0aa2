"""Connections to web servers, on which a deadline holds for every byte.

The time-outs of an HTTP client are those of one read: a server that sends its headers byte by byte
would hold it for as long as it likes.
"""

import math
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import httpcore  # what httpx itself stands on: it alone lets one wrap a connection
import httpx

FAILURES = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError)
"""What sending a request and reading its answer may raise."""

_DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)


@contextmanager
def held_to(deadline: float) -> Iterator[None]:
    """Within, this thread's use of connections ends at `deadline` (as of `time.monotonic`).

    What waits longer raises httpcore's ConnectTimeout, ReadTimeout or WriteTimeout.
    """
    before = _DEADLINE.set(deadline)
    try:
        yield
    finally:
        _DEADLINE.reset(before)


def connections(tls: ssl.SSLContext) -> httpcore.ConnectionPool:
    """A pool of connections to one host. It knows no proxies, follows nothing, keeps no cookies."""
    return httpcore.ConnectionPool(
        ssl_context=tls,
        max_connections=100,
        max_keepalive_connections=20,
        keepalive_expiry=5.0,
        network_backend=_Backend(),
    )


@dataclass(frozen=True)
class Response:
    """An answer whose body is still to be read, or not. To be closed."""

    status: int
    headers: httpx.Headers
    _answer: httpcore.Response

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes, once. Raises one of FAILURES."""
        return self._answer.iter_stream()

    def close(self) -> None:
        """Give the connection back, or up if the body was not read to its end."""
        self._answer.close()


def send(
    pool: httpcore.ConnectionPool,
    method: str,
    url: httpx.URL,
    address: str,
    headers: Mapping[str, str],
    *,
    connect_s: float,
    read_s: float,
) -> Response:
    """Ask for `url` at one address of its host, which TLS still verifies by name.

    Raises one of FAILURES: ConnectError or ConnectTimeout where nothing has been asked yet.
    """
    request = httpcore.Request(
        method,
        httpcore.URL(
            scheme=url.raw_scheme, host=address.encode("ascii"), port=url.port, target=url.raw_path
        ),
        headers=list(headers.items()),
        extensions={
            "sni_hostname": url.raw_host.decode("ascii"),
            "timeout": {"connect": connect_s, "read": read_s, "write": read_s, "pool": read_s},
        },
    )
    answer = pool.handle_request(request)
    return Response(answer.status, httpx.Headers(answer.headers), answer)


class _Backend(httpcore.NetworkBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        stream = httpcore.SyncBackend().connect_tcp(
            host, port, _bounded(timeout, httpcore.ConnectTimeout), local_address, socket_options
        )
        return _Stream(stream)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _bounded(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _bounded(timeout, httpcore.WriteTimeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        # The time-out of Python's handshakes is that of the whole handshake.
        bounded = _bounded(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, bounded))

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _bounded(timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    left = _DEADLINE.get() - time.monotonic()
    if left <= 0:
        raise late("the time for the whole fetch is over")
    if left == math.inf:
        return timeout
    return left if timeout is None else min(timeout, left)
