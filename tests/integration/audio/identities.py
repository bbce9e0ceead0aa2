"""What hands credentials to containers and to web identities, on loopback, for one account.

Answers as the EKS Pod Identity agent does, and as AWS STS does to AssumeRoleWithWebIdentity,
but with an empty session token: the S3 server of these tests knows none.
"""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

TOKEN = "token-from-a-file"
_LATER = "2999-01-01T00:00:00Z"
_STS = """<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
<AccessKeyId>{0}</AccessKeyId><SecretAccessKey>{1}</SecretAccessKey><SessionToken></SessionToken>
<Expiration>{2}</Expiration>
</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""


class Identities(ThreadingHTTPServer):
    """Gives `account` to whoever shows `TOKEN`; `refused` counts the others."""

    daemon_threads = True

    def __init__(self, account: tuple[str, str], certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.account = account
        self.asked = 0
        self.refused = 0
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            scheme = "https"
        self.base = f"{scheme}://localhost:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Identities

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        key, secret = self.server.account
        names = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
        answer = dict(zip(names, (key, secret, "", _LATER), strict=True))
        self._answer(self.headers["Authorization"] == TOKEN, json.dumps(answer))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        asked = {**parse_qs(urlsplit(self.path).query), **parse_qs(body)}
        known = asked.get("WebIdentityToken") == [TOKEN]
        known &= asked.get("RoleArn") == ["arn:aws:iam::1:role/reader"]
        self._answer(known, _STS.format(*self.server.account, _LATER))

    def _answer(self, known: bool, text: str) -> None:
        self.server.asked += 1
        self.server.refused += not known
        body = text.encode() if known else b"no"
        self.send_response(200 if known else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
