"""No web server leads a fetch out of what is allowed: not by redirects, nor by names."""

import socket
from typing import Any
from urllib.parse import quote

import pytest

from consumer.audio.fetch import Fetcher
from consumer.audio.reference import AllowList, Reference
from consumer.errors import Reason
from tests.integration.audio.fetching import LIMITS, reason
from tests.integration.audio.web import AUDIO, WebServer


def redirect(web: WebServer, target: str) -> str:
    return f"{web.base}/to?url={quote(target, safe='')}"


def test_redirects_within_what_is_allowed(web: WebServer, fetcher: Fetcher) -> None:
    assert fetcher.fetch(Reference(redirect(web, f"{web.base}/ok"))) == AUDIO
    assert fetcher.fetch(Reference(redirect(web, "/ok"))) == AUDIO
    assert fetcher.fetch(Reference(redirect(web, "/ok?a=b#t=10,20"))) == AUDIO
    assert web.queries["ok"] == "a=b"
    assert reason(fetcher, f"{web.base}/loop") is Reason.REFERENCE_FORBIDDEN


def test_redirects_out_of_what_is_allowed(web: WebServer, fetcher: Fetcher) -> None:
    other = WebServer()
    for target in (
        f"{other.base}/ok?token=secret",
        f"http://user@127.0.0.1:{web.port}/ok",
        "http://169.254.169.254/latest/meta-data",  # listed, and still refused: link-local
        "file:///etc/passwd",
        "//evil.example/ok",
        "ftp://127.0.0.1/ok",
        "http://[::1",
        "http://127.0.0.1:99999/ok",
    ):
        assert reason(fetcher, redirect(web, target)) is Reason.REFERENCE_FORBIDDEN
    assert not other.asked
    other.shutdown()
    other.server_close()


@pytest.mark.parametrize("target", ["file:///data/a.wav", "s3://bucket/a.wav", "gs://bucket/a.wav"])
def test_redirects_out_of_the_web(web: WebServer, target: str) -> None:
    """Allowed to events, not to a web server: it would be asked for as if it were a host."""
    allow = AllowList((web.base, "file:///data", "s3://bucket", "gs://bucket"), True)
    assert reason(Fetcher(LIMITS, allow, {}), redirect(web, target)) is Reason.REFERENCE_FORBIDDEN


def test_private_addresses_are_never_connected_to(web: WebServer) -> None:
    fetcher = Fetcher(LIMITS, AllowList((web.base, f"http://localhost:{web.port}")), {})
    assert reason(fetcher, f"{web.base}/ok") is Reason.REFERENCE_FORBIDDEN
    assert reason(fetcher, f"http://localhost:{web.port}/ok") is Reason.REFERENCE_FORBIDDEN
    assert not web.asked


def test_the_connection_goes_to_the_address_that_was_checked(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that changes its mind after the check (DNS rebinding) gains nothing."""
    lookups: list[str] = []
    real = socket.getaddrinfo

    def fickle(host: str, port: int, *args: Any, **more: Any) -> Any:
        if host == "fickle.example":
            lookups.append(host)
            host = "127.0.0.1" if len(lookups) == 1 else "192.0.2.1"
        return real(host, port, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", fickle)
    place = f"http://fickle.example:{web.port}"
    fetcher = Fetcher(LIMITS, AllowList((place,), allow_private_hosts=True), {})
    assert fetcher.fetch(Reference(f"{place}/ok")) == AUDIO
    assert len(lookups) == 1
    assert web.hosts == {f"fickle.example:{web.port}"}
