"""A run with credentials in its settings and references: none of them is in its log or pages."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from producer_tools.loopback import free_port
from tests.brokers.fixtures import Broker
from tests.brokers.parts import RealParts
from tests.integration.audio.web import WebServer
from tests.integration.telemetry.pages import ObservedService
from tests.service.installation import Installation

SECRET = "c0ffee-secret"


@pytest.fixture
def certificate(tmp_path: Path, real_parts: RealParts) -> Path:
    """Key and self-signed certificate for the name `localhost`, in one file."""
    real_parts.need("openssl", None if shutil.which("openssl") else "install openssl")
    key, signed = tmp_path / "key.pem", tmp_path / "certificate.pem"
    options = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    options += f" -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout {key}"
    subprocess.run(
        ["openssl", "req", *options.split(), "-out", signed], check=True, capture_output=True
    )
    signed.write_bytes(key.read_bytes() + signed.read_bytes())
    return signed


@pytest.fixture
def web(certificate: Path) -> Iterator[WebServer]:
    """A web server with TLS."""
    with WebServer(certificate) as server:
        yield server
        server.shutdown()


def test_credentials_are_neither_logged_nor_shown(
    embedded_broker: Broker, web: WebServer, certificate: Path, unique: str, tmp_path: Path
) -> None:
    installation = Installation(embedded_broker.bootstrap, unique, tmp_path)
    place, nowhere = f"https://localhost:{web.port}", f"https://localhost:{free_port()}"
    query = f"?X-Amz-Signature={SECRET}&X-Amz-Credential={SECRET}"
    uris = {
        "not audio": f"{place}/ok{query}",
        "refused": f"{place}/403{query}",
        "expired": f"{place}/expired{query}",
        "forbidden": f"https://elsewhere.example/x{query}",
        "malformed": f"https://user:{SECRET}@localhost/x{query}",
        "nobody there": f"{nowhere}/x{query}",
        "redirected": f"{place}/loop{query}",
        "damaged": f"{place}/short{query}",
    }
    environment = {
        **installation.environment,
        "SSL_CERT_FILE": str(certificate),
        "SPEAKERSTREAM_ALLOWED_PREFIXES": json.dumps([place, nowhere]),
        "SPEAKERSTREAM_ALLOW_PRIVATE_HOSTS": "true",
        "SPEAKERSTREAM_LOG_LEVEL": "debug",
        "SPEAKERSTREAM_OBJECT_GRACE_S": "0",
        "SPEAKERSTREAM_KAFKA": json.dumps({"sasl.username": "u", "sasl.password": SECRET}),
        "SPEAKERSTREAM_STORE_OPTIONS": json.dumps({"aws_secret_access_key": SECRET}),
        "OTEL_TRACES_EXPORTER": "console",  # goes where the log goes
    }
    installation.publish(
        *(
            installation.chunk(number, uri=uri, chunk_id=name)
            for number, (name, uri) in enumerate(uris.items())
        )
    )
    with ObservedService(environment, tmp_path / "log") as service:
        answered = ("not audio", "refused", "expired", "forbidden", "malformed", "redirected")
        for name in answered:
            service.await_line(f'"chunk_id": "{name}"')
        service.await_line("nobody there")
        service.await_line("damaged")
        pages = [service.get(page)[1] for page in ("/info", "/metrics", "/livez", "/readyz")]
        service.terminate()
        said = service.said()
    assert all(name in said for name in uris), "every reference left a line"
    assert web.asked["ok"] == 1, "the query reached the server"
    assert SECRET in web.queries["ok"]
    assert SECRET not in said
    assert not [page for page in pages if SECRET in page]
