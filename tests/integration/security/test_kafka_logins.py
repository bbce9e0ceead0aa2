"""The service logs in with each mechanism that an operator's Kafka may ask for."""

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from consumer.errors import ExitCode
from deploy.kafka.security import PLAIN_PASSWORD, PLAIN_USER
from tests.integration.security.secured import SecuredKafka, as_client, named
from tests.integration.security.test_kafka_rights import RIGHTS
from tests.service.installation import Installation
from tests.service.process import ServiceProcess

pytestmark = pytest.mark.parts


@pytest.fixture
def installation(secured: SecuredKafka, unique: str, tmp_path: Path) -> Installation:
    """One chunk to answer."""
    made = Installation(secured.bootstrap, unique, tmp_path)
    made.publish(made.chunk(0))
    return made


def _answers(
    secured: SecuredKafka,
    installation: Installation,
    user: str,
    settings: Mapping[str, str],
    log: Path,
) -> None:
    """Whether a service with these settings, seen by the broker as `user`, does its work."""
    secured.grant(user, named(RIGHTS, installation.topics, installation.name, "0"))
    with ServiceProcess({**installation.environment, **settings}, log) as service:
        assert len(installation.await_results(1)) == 1
        assert service.terminate() == ExitCode.OK


def test_plain_with_its_password_from_a_file(
    secured: SecuredKafka, installation: Installation, tmp_path: Path
) -> None:
    secret = tmp_path / "kafka"
    secret.write_text(json.dumps({"sasl.password": PLAIN_PASSWORD}))
    public = secured.sasl("PLAIN") | {"sasl.username": PLAIN_USER}
    settings = {
        **as_client(secured.security.sasl, public),
        "SPEAKERSTREAM_KAFKA_FILE": str(secret),
    }
    _answers(secured, installation, PLAIN_USER, settings, tmp_path / "log")


def test_certificates_both_ways(
    secured: SecuredKafka, installation: Installation, unique: str, tmp_path: Path
) -> None:
    key, certificate = secured.security.authority.issue(unique)
    properties = secured.tls | {
        "security.protocol": "SSL",
        "ssl.key.location": str(key),
        "ssl.certificate.location": str(certificate),
    }
    settings = as_client(secured.security.mutual_tls, properties)
    _answers(secured, installation, unique, settings, tmp_path / "log")


class _TokenHandler(BaseHTTPRequestHandler):
    """An identity provider's token endpoint: client credentials in, an unsigned JWT out."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        known = base64.b64encode(b"client:client-secret").decode()
        good = self.headers.get("Authorization") == f"Basic {known}" and "client_cred" in body
        now = int(time.time())
        claims = {"sub": "client", "iat": now, "exp": now + 300}
        parts = ({"alg": "none"}, claims)
        encoded = [
            base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
            for part in parts
        ]
        answer = {"access_token": ".".join([*encoded, ""]), "token_type": "Bearer"}
        content = json.dumps(answer if good else {"error": "invalid_client"}).encode()
        self.send_response(200 if good else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Quiet."""


@pytest.fixture
def token_endpoint() -> Iterator[str]:
    """Its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _TokenHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/token"
        server.shutdown()


def test_oauthbearer_with_a_token_from_an_identity_provider(
    secured: SecuredKafka, installation: Installation, token_endpoint: str, tmp_path: Path
) -> None:
    properties = secured.sasl("OAUTHBEARER") | {
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": token_endpoint,
        "sasl.oauthbearer.client.id": "client",
        "sasl.oauthbearer.client.secret": "client-secret",
    }
    settings = as_client(secured.security.sasl, properties)
    _answers(secured, installation, "client", settings, tmp_path / "log")
