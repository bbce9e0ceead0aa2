"""A schema registry that asks for a password and speaks TLS, its password coming from a file."""

import base64
import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from consumer import assembly
from consumer.errors import TransientError
from consumer.settings import Settings
from deploy.kafka.security import Authority
from deploy.registry import SchemaRegistry
from tests.brokers.parts import RealParts
from tests.integration.security.secured import missing
from tests.service.installation import STAND_IN

pytestmark = pytest.mark.parts

_LOGIN = "registry-user:registry-password"


class _Gate(BaseHTTPRequestHandler):
    """In front of the real registry: lets requests with the right password through."""

    behind: str

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
        wanted = f"Basic {base64.b64encode(_LOGIN.encode()).decode()}"
        if self.headers.get("Authorization") != wanted:
            self._answer(401, b'{"error_code": 401, "message": "Unauthorized"}')
            return
        kind = {"Content-Type": self.headers.get("Content-Type") or "application/json"}
        request = urllib.request.Request(self.behind + self.path, body, kind, method=self.command)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                self._answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            self._answer(error.code, error.read())

    do_GET = do_POST = _pass_on  # noqa: N815

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Quiet."""


@pytest.fixture(scope="module")
def authority(real_parts: RealParts, tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom the registry's certificate is by."""
    real_parts.need("openssl", missing())
    return Authority(tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="module")
def gate(schema_registry: SchemaRegistry, authority: Authority) -> Iterator[str]:
    """The registry's address for those with a password."""
    host, slash, path = schema_registry.url.removeprefix("http://").partition("/")
    handler = type("Gate", (_Gate,), {"behind": f"http://{host}"})
    key, certificate = authority.issue("registry")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://localhost:{server.server_address[1]}{slash}{path}"
        server.shutdown()


@pytest.fixture
def settings(
    gate: str,
    authority: Authority,
    unique: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, str]:
    """Settings of a service; what is put into the dictionary goes into the secret file."""
    monkeypatch.setenv("SPEAKERSTREAM_BOOTSTRAP_SERVERS", "nobody:1")
    monkeypatch.setenv("SPEAKERSTREAM_ENGINE", STAND_IN)
    monkeypatch.setenv("SPEAKERSTREAM_SCHEMA_REGISTRY_URL", gate)
    monkeypatch.setenv("SPEAKERSTREAM_REGISTER_SCHEMAS", "true")
    monkeypatch.setenv("SPEAKERSTREAM_SCHEMA_REGISTRY_FILE", str(tmp_path / "secret"))
    for topic in ("CHUNK_RESULTS", "SPEAKER_SEGMENTS", "SPEAKER_FINGERPRINTS"):
        monkeypatch.setenv(f"SPEAKERSTREAM_TOPIC_{topic}", f"{unique}.{topic.lower()}")
    return {
        "basic.auth.user.info": _LOGIN,
        "ssl.ca.location": str(authority.certificate),
        "file": str(tmp_path / "secret"),
    }


def _open(secret: dict[str, str]) -> None:
    Path(secret.pop("file")).write_text(json.dumps(secret))
    assembly.codec(Settings())  # type: ignore[call-arg]


def test_with_password_and_authority_the_schemas_are_there(settings: dict[str, str]) -> None:
    _open(settings)


def test_a_wrong_password_is_named(settings: dict[str, str]) -> None:
    with pytest.raises(TransientError, match="401"):
        _open(settings | {"basic.auth.user.info": "registry-user:wrong"})


def test_a_stranger_to_the_authority_is_told_so(settings: dict[str, str]) -> None:
    del settings["ssl.ca.location"]
    with pytest.raises(TransientError, match=r"(?i)certificate"):
        _open(settings)
