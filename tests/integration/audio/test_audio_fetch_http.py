"""Fetching from a real web server that misbehaves in every way the service must tell apart."""

import hashlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from consumer.audio.fetch import Fetcher, FetchLimits
from consumer.audio.reference import AllowList, Reference
from consumer.errors import (
    ObjectUnavailableError,
    PermanentError,
    Reason,
    SpeakerstreamError,
    TransientError,
)
from tests.brokers.parts import RealParts
from tests.integration.audio.web import AUDIO, SLOW_S, WebServer

SHA256 = hashlib.sha256(AUDIO).hexdigest()
LIMITS = FetchLimits(max_bytes=1_000_000, connect_s=10.0, read_s=10.0, total_s=15.0)
ENCODED = "xn--strae-oqa.de"  # straße.de; by the older standard of IDNA, that is strasse.de
HASTY = FetchLimits(max_bytes=1_000_000, connect_s=1.0, read_s=1.0, total_s=1.5)


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetcher(web: WebServer) -> Iterator[Fetcher]:
    allow = AllowList((web.base, "http://169.254.169.254/", "http://localhost:1/"), True)
    fetcher = Fetcher(LIMITS, allow, {})
    yield fetcher
    fetcher.close()


def failure(fetcher: Fetcher, uri: str, **claims: Any) -> SpeakerstreamError:
    with pytest.raises(SpeakerstreamError) as caught:
        fetcher.fetch(Reference(uri, **claims))
    assert "secret" not in str(caught.value)
    return caught.value


def reason(fetcher: Fetcher, uri: str, **claims: Any) -> Reason:
    error = failure(fetcher, uri, **claims)
    assert isinstance(error, PermanentError)
    return error.reason


def test_bytes_arrive_and_are_verified(web: WebServer, fetcher: Fetcher) -> None:
    uri = f"{web.base}/ok?X-Amz-Signature=secret"
    assert fetcher.fetch(Reference(uri)) == AUDIO
    assert fetcher.fetch(Reference(uri, len(AUDIO), SHA256.upper())) == AUDIO
    assert web.asked["ok"] == 2


def test_a_signature_is_sent_as_it_came(web: WebServer, fetcher: Fetcher) -> None:
    query = "X-Amz-Credential=A%2F2026%2fus&a+b=c%20d/e='~!*()@:&empty=&bare"
    fetcher.fetch(Reference(f"{web.base}/ok?{query}"))
    assert web.queries["ok"] == query


@pytest.mark.parametrize(("status", "code"), [(404, "object_missing"), (410, "object_missing")])
def test_missing_objects_may_come_later(
    web: WebServer, fetcher: Fetcher, status: int, code: str
) -> None:
    error = failure(fetcher, f"{web.base}/{status}")
    assert isinstance(error, ObjectUnavailableError)
    assert error.reason == code
    assert isinstance(failure(fetcher, f"{web.base}/late"), ObjectUnavailableError)
    assert fetcher.fetch(Reference(f"{web.base}/late")) == AUDIO


@pytest.mark.parametrize("status", [400, 401, 403, 405])
def test_refused_objects(web: WebServer, fetcher: Fetcher, status: int) -> None:
    error = failure(fetcher, f"{web.base}/{status}?token=secret")
    assert isinstance(error, ObjectUnavailableError)
    assert error.reason is Reason.OBJECT_DENIED


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_servers_in_trouble(web: WebServer, fetcher: Fetcher, status: int) -> None:
    assert isinstance(failure(fetcher, f"{web.base}/{status}"), TransientError)
    assert web.asked[str(status)] == 1  # the caller retries, not the fetcher


def test_expired_signatures(web: WebServer, fetcher: Fetcher) -> None:
    past = "X-Amz-Date=20200101T000000Z&X-Amz-Expires=60&X-Amz-Signature=secret"
    assert reason(fetcher, f"{web.base}/403?{past}") is Reason.REFERENCE_EXPIRED
    assert reason(fetcher, f"{web.base}/expired?sig=secret") is Reason.REFERENCE_EXPIRED
    assert fetcher.fetch(Reference(f"{web.base}/ok?{past}")) == AUDIO  # the server decides


@pytest.mark.parametrize("etag", ['"v1"', "v1", 'W/"v1"'])
def test_the_etag_that_was_promised(web: WebServer, fetcher: Fetcher, etag: str) -> None:
    for name in ("tagged", "ignorant"):
        assert fetcher.fetch(Reference(f"{web.base}/{name}", etag=etag)) == AUDIO


def test_the_etag_is_asked_for(web: WebServer, fetcher: Fetcher) -> None:
    assert fetcher.fetch(Reference(f"{web.base}/guarded", etag="v1")) == AUDIO


@pytest.mark.parametrize("name", ["tagged", "ignorant", "guarded"])
def test_another_etag(web: WebServer, fetcher: Fetcher, name: str) -> None:
    assert reason(fetcher, f"{web.base}/{name}", etag="v0") is Reason.OBJECT_CHANGED
    assert web.asked[name] == 1


NO_CLAIMS: list[dict[str, str]] = [
    {"etag": "é"},
    {"etag": "a\n"},
    {"etag": "a\r\nX-Injected: 1"},
    {"etag": "\0"},
    {"etag": '"a '},
    {"etag": "a\x7f"},
    {"etag": "a" * 2000},
    {"version_id": ""},
    {"version_id": "é"},
    {"version_id": "a\0b"},
    {"version_id": "a" * 2000},
]


@pytest.mark.parametrize("claims", NO_CLAIMS, ids=ascii)
@pytest.mark.parametrize("place", ["web", "s3", "file"])
def test_an_etag_or_version_that_can_be_none(
    web: WebServer, place: str, claims: dict[str, str]
) -> None:
    prefix = {"web": web.base, "s3": "s3://ok", "file": "file:///nowhere"}[place]
    options = {"aws_endpoint": web.base, "aws_skip_signature": "true", "allow_http": "true"}
    fetcher = Fetcher(LIMITS, AllowList((prefix,), allow_private_hosts=True), options)
    assert reason(fetcher, f"{prefix}/ok", **claims) is Reason.MALFORMED_EVENT
    assert not web.asked
    fetcher.close()


def test_another_version(web: WebServer, fetcher: Fetcher) -> None:
    assert fetcher.fetch(Reference(f"{web.base}/tagged", version_id="7")) == AUDIO
    assert reason(fetcher, f"{web.base}/tagged", version_id="8") is Reason.OBJECT_CHANGED


def test_a_transfer_that_breaks_off_is_tried_once_more(web: WebServer, fetcher: Fetcher) -> None:
    assert fetcher.fetch(Reference(f"{web.base}/shortonce")) == AUDIO
    assert isinstance(failure(fetcher, f"{web.base}/short"), TransientError)
    assert web.asked["short"] == 2


def test_wrong_bytes_are_tried_once_more(web: WebServer, fetcher: Fetcher) -> None:
    assert fetcher.fetch(Reference(f"{web.base}/wrongonce", sha256=SHA256)) == AUDIO
    assert reason(fetcher, f"{web.base}/ok", sha256="0" * 64) is Reason.DIGEST_MISMATCH
    assert web.asked["ok"] == 2
    assert reason(fetcher, f"{web.base}/ok", size_bytes=17) is Reason.DIGEST_MISMATCH
    assert web.asked["ok"] == 4


def test_size_is_bounded_by_claim_by_header_and_by_count(web: WebServer, fetcher: Fetcher) -> None:
    assert reason(fetcher, f"{web.base}/ok", size_bytes=1_000_001) is Reason.TOO_LARGE
    assert web.asked["ok"] == 0
    assert reason(fetcher, f"{web.base}/enormous") is Reason.TOO_LARGE
    assert reason(fetcher, f"{web.base}/endless") is Reason.TOO_LARGE


def test_what_is_larger_than_its_event_says_is_not_read_to_its_end(
    web: WebServer, fetcher: Fetcher
) -> None:
    assert reason(fetcher, f"{web.base}/endless", size_bytes=100) is Reason.DIGEST_MISMATCH
    assert web.asked["endless"] == 2
    assert fetcher.fetch(Reference(f"{web.base}/ok", size_bytes=len(AUDIO))) == AUDIO


def test_no_bytes(web: WebServer, fetcher: Fetcher) -> None:
    assert reason(fetcher, f"{web.base}/empty") is Reason.EMPTY_OBJECT


@pytest.fixture
def hasty(web: WebServer) -> Iterator[Fetcher]:
    allow = AllowList((web.base, "http://localhost:1/", "http://no-such-host.invalid/"), True)
    fetcher = Fetcher(HASTY, allow, {})
    yield fetcher
    fetcher.close()


SLOW = ["silent", "drip", "slowheaders", "interim", "slowredirect", "slowhops"]


@pytest.mark.parametrize("name", SLOW)
def test_slow_servers_are_left(web: WebServer, hasty: Fetcher, name: str) -> None:
    start = time.monotonic()
    assert isinstance(failure(hasty, f"{web.base}/{name}"), TransientError)
    assert time.monotonic() - start < SLOW_S / 2


def test_the_whole_fetch_is_bounded_and_not_each_of_its_steps(web: WebServer) -> None:
    patient = FetchLimits(max_bytes=1_000_000, connect_s=10.0, read_s=10.0, total_s=1.5)
    fetcher = Fetcher(patient, AllowList((web.base,), True), {})
    start = time.monotonic()
    assert isinstance(failure(fetcher, f"{web.base}/slowhops"), TransientError)
    assert isinstance(failure(fetcher, f"{web.base}/silent"), TransientError)
    assert time.monotonic() - start < 8.0
    fetcher.close()


def test_a_refusal_that_takes_its_time_is_one_all_the_same(web: WebServer, hasty: Fetcher) -> None:
    start = time.monotonic()
    for query in ("", "?sig=secret"):
        error = failure(hasty, f"{web.base}/slowrefusal{query}")
        assert isinstance(error, ObjectUnavailableError)
        assert error.reason is Reason.OBJECT_DENIED
    assert time.monotonic() - start < SLOW_S / 4


def test_what_is_said_to_a_refusal_is_not_waited_for_without_a_signature(
    web: WebServer, fetcher: Fetcher
) -> None:
    start = time.monotonic()
    assert isinstance(failure(fetcher, f"{web.base}/slowrefusal"), ObjectUnavailableError)
    assert time.monotonic() - start < LIMITS.total_s / 2


def test_a_slow_handshake_is_left() -> None:
    """A TLS record that comes byte by byte."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        place = f"https://127.0.0.1:{listening.getsockname()[1]}"
        over = threading.Event()

        def shake_hands() -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                connection.sendall(b"\x16\x03\x03\x10\x00\x02\x00\x0f\xfc\x03\x03")
                while not over.wait(0.1):
                    connection.sendall(b"x")

        server = threading.Thread(target=shake_hands)
        server.start()
        patient = FetchLimits(connect_s=30.0, read_s=30.0, total_s=1.5)
        fetcher = Fetcher(patient, AllowList((place,), True), {})
        start = time.monotonic()
        assert isinstance(failure(fetcher, f"{place}/ok"), TransientError)
        assert time.monotonic() - start < SLOW_S / 4
        over.set()
        server.join()


def test_a_check_ends_in_time(web: WebServer, hasty: Fetcher) -> None:
    start = time.monotonic()
    with pytest.raises(TransientError):
        hasty.check(f"{web.base}/slowheaders")
    assert time.monotonic() - start < SLOW_S / 4


def test_servers_that_are_away(web: WebServer, hasty: Fetcher) -> None:
    assert isinstance(failure(hasty, f"{web.base}/hangup"), TransientError)
    assert isinstance(failure(hasty, "http://localhost:1/a"), TransientError)
    assert isinstance(failure(hasty, "http://no-such-host.invalid/a"), TransientError)


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


@pytest.fixture
def certificate(tmp_path: Path, real_parts: RealParts) -> Path:
    """Key and self-signed certificate for the names `localhost` and `ENCODED`."""
    real_parts.need("openssl", None if shutil.which("openssl") else "install openssl")
    path = tmp_path / "localhost.pem"
    options = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    options += f" -subj /CN=localhost -addext subjectAltName=DNS:localhost,DNS:{ENCODED}"
    subprocess.run(
        ["openssl", "req", *options.split(), "-keyout", str(path), "-out", f"{path}.crt"],
        check=True,
        capture_output=True,
    )
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


def test_certificates_are_checked_against_the_name(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = WebServer(certificate)
    by_name, by_address = (f"https://{host}:{server.port}" for host in ("localhost", "127.0.0.1"))
    allow = AllowList((by_name, by_address), allow_private_hosts=True)
    stranger = Fetcher(LIMITS, allow, {})
    assert isinstance(failure(stranger, f"{by_name}/ok"), TransientError)
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    fetcher = Fetcher(LIMITS, allow, {})
    assert fetcher.fetch(Reference(f"{by_name}/ok")) == AUDIO
    # The pool now holds a connection to this address that was verified for another name.
    assert "certificate" in str(failure(fetcher, f"{by_address}/ok"))
    server.shutdown()
    server.server_close()


def test_an_encoded_name_is_looked_up_and_verified_as_it_is_written(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []
    real = socket.getaddrinfo

    def everywhere(host: str, *args: Any, **more: Any) -> Any:
        looked_up.append(host)
        return real("127.0.0.1", *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", everywhere)
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    server = WebServer(certificate)
    place = f"https://{ENCODED}:{server.port}"
    fetcher = Fetcher(LIMITS, AllowList((place,), allow_private_hosts=True), {})
    assert fetcher.fetch(Reference(f"{place}/ok")) == AUDIO
    assert looked_up[0] == ENCODED
    assert server.hosts == {f"{ENCODED}:{server.port}"}
    fetcher.close()
    server.shutdown()
    server.server_close()


def test_check_says_whether_a_server_answers(web: WebServer, fetcher: Fetcher) -> None:
    fetcher.check(f"{web.base}/ok/")
    with pytest.raises(TransientError):
        fetcher.check("http://localhost:1/")
