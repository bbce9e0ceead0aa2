"""Certificates are verified, for the name that an event names."""

import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from consumer.audio.fetch import Fetcher
from consumer.audio.reference import AllowList, Reference
from consumer.errors import TransientError
from tests.brokers.parts import RealParts
from tests.integration.audio.fetching import LIMITS, failure
from tests.integration.audio.web import AUDIO, WebServer

ENCODED = "xn--strae-oqa.de"  # straße.de; by the older standard of IDNA, that is strasse.de


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
