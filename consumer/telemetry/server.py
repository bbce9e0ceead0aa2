"""The port operators look at: /metrics, /livez, /readyz and /info."""

import json
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from consumer.errors import ExitCode, FatalError
from consumer.telemetry.health import Health

log = structlog.get_logger(__name__)

Info = Callable[[], Mapping[str, Any]]


class TelemetryServer:
    """Serves on a thread of its own, so that a wedged owner loop can still be told."""

    def __init__(
        self, host: str, port: int, registry: CollectorRegistry, health: Health, info: Info
    ) -> None:
        """Listen. Raises FatalError(SETTINGS) when the port cannot be had."""
        pages: dict[str, Callable[[str], tuple[int, str, bytes]]] = {
            "/metrics": lambda accept: _metrics(registry, accept),
            "/livez": lambda _: _probe(health.live()),
            "/readyz": lambda _: _probe(health.ready()),
            "/info": lambda _: (200, "application/json", _json(info())),
        }
        handler = type("Handler", (_Handler,), {"pages": pages})
        try:
            self._server = _Server((host, port), handler)
        except (OSError, OverflowError) as error:
            raise FatalError(
                ExitCode.SETTINGS,
                f"cannot listen on {host}:{port} ({error}): set another metrics_port (a second "
                "process on a host needs its own), or 0 for none",
            ) from error
        threading.Thread(target=self._server.serve_forever, name="telemetry", daemon=True).start()

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A scraper that gave up is its own affair; anything else goes the way of all logs."""
        if not isinstance(sys.exception(), ConnectionError):
            log.warning("page_failed", client=str(client_address), exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    pages: Mapping[str, Callable[[str], tuple[int, str, bytes]]]
    protocol_version = "HTTP/1.1"
    server_version = "speakerstream"
    sys_version = ""
    timeout = 30  # a client that says nothing must not keep a thread

    def do_GET(self) -> None:
        page = self.pages.get(self.path.split("?")[0])
        if page is None:
            status, kind, body = 404, "text/plain", "\n".join(self.pages).encode()
        else:
            status, kind, body = page(self.headers.get("Accept", ""))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Probes come every few seconds: they are no news."""


def _metrics(registry: CollectorRegistry, accept: str) -> tuple[int, str, bytes]:
    encode, kind = choose_encoder(accept)
    return 200, kind, encode(registry)


def _probe(problems: list[str]) -> tuple[int, str, bytes]:
    return 503 if problems else 200, "application/json", _json({"problems": problems})


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=2, default=str).encode() + b"\n"
