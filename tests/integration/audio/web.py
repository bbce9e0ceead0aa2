"""A real web server on loopback that misbehaves on request, and remembers what it was asked."""

import ssl
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

AUDIO = bytes(range(256)) * 1000
ETAG = '"v1"'
SLOW_S = 30.0  # how long `silent`, `drip` and their like take


class WebServer(ThreadingHTTPServer):
    """Answers `/name`; the names are the methods `do_name` of `Handler`."""

    daemon_threads = True

    def __init__(self, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: Counter[str] = Counter()
        self.hosts: set[str] = set()
        self.queries: dict[str, str] = {}  # the last of each name, as it came
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what these tests are about."""

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Handler(BaseHTTPRequestHandler):
    server: WebServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_HEAD(self) -> None:
        self.do_slowheaders() if self.path == "/slowheaders" else self.answer(200)

    def do_GET(self) -> None:
        name = urlsplit(self.path).path.strip("/").split("/")[0]
        self.server.asked[name] += 1
        self.server.queries[name] = urlsplit(self.path).query
        self.server.hosts.add(self.headers["Host"])
        if name.isdigit():
            self.answer(int(name), b"<Error><Code>Said</Code></Error>")
        else:
            getattr(self, f"do_{name}")()

    def answer(
        self, status: int, body: bytes = b"", length: int | None = None, **more: str
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for header, value in more.items():
            self.send_header(header.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        if length is not None and length > len(body):
            self.close_connection = True

    @property
    def first(self) -> bool:
        return self.server.asked[urlsplit(self.path).path.strip("/").split("/")[0]] == 1

    def do_says(self) -> None:
        """`/says/400/Code/...`, as a store says why not."""
        status, code = urlsplit(self.path).path.split("/")[2:4]
        key = escape(unquote(urlsplit(self.path).path))
        self.answer(
            int(status),
            f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Key>{key}</Key></Error>'.encode(),
        )

    def do_ok(self) -> None:
        self.answer(200, AUDIO)

    def do_empty(self) -> None:
        self.answer(200)

    def do_late(self) -> None:
        self.answer(404) if self.first else self.answer(200, AUDIO)

    def do_tagged(self) -> None:
        wanted = self.headers["If-Match"]
        if wanted not in (None, ETAG):
            self.answer(412)
        else:
            self.answer(200, AUDIO, ETag=ETAG, x_amz_version_id="7")

    def do_guarded(self) -> None:
        self.answer(412) if self.headers["If-Match"] != ETAG else self.answer(200, AUDIO)

    def do_ignorant(self) -> None:
        self.answer(200, AUDIO, ETag=ETAG)

    def do_short(self) -> None:
        self.answer(200, AUDIO[:1000], len(AUDIO))

    def do_shortonce(self) -> None:
        self.do_short() if self.first else self.do_ok()

    def do_wrongonce(self) -> None:
        self.answer(200, AUDIO[::-1]) if self.first else self.do_ok()

    def do_silent(self) -> None:
        time.sleep(SLOW_S)

    def do_drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(AUDIO)))
        self.end_headers()
        for _ in range(int(SLOW_S / 0.1)):
            self.wfile.write(b"x" * 100)
            self.wfile.flush()
            time.sleep(0.1)

    def trickle(self, begin: bytes, piece: bytes) -> None:
        """Begin an answer that never comes to its point, and never falls silent."""
        self.close_connection = True
        self.wfile.write(begin)
        for _ in range(int(SLOW_S / 0.1)):
            self.wfile.write(piece)
            self.wfile.flush()
            time.sleep(0.1)

    def do_slowheaders(self) -> None:
        self.trickle(b"HTTP/1.1 200 OK\r\nX-Endless: ", b"x")

    def do_interim(self) -> None:
        self.trickle(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n")

    def do_slowredirect(self) -> None:
        self.trickle(b"HTTP/1.1 302 Found\r\nLocation: /ok", b"x")

    def do_slowhops(self) -> None:
        time.sleep(0.7)
        self.answer(302, Location=f"/slowhops/{self.server.asked['slowhops']}")

    def do_slowrefusal(self) -> None:
        self.trickle(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 10000\r\n\r\n", b"x")

    def do_endless(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            self.wfile.write(b"10000\r\n" + bytes(65536) + b"\r\n")

    def do_enormous(self) -> None:
        self.answer(200, b"x", 10**12)

    def do_hangup(self) -> None:
        self.connection.close()

    def do_to(self) -> None:
        self.answer(302, Location=parse_qs(urlsplit(self.path).query)["url"][0])

    def do_loop(self) -> None:
        self.answer(302, Location="/loop")

    def do_expired(self) -> None:
        self.answer(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message>")
