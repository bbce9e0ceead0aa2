"""Where nobody gave credentials for S3, the sentence says so."""

import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from consumer import check
from consumer.audio.fetch import Fetcher, FetchLimits
from consumer.audio.reference import AllowList
from producer_tools.stores import Bucket

BUCKET = "s3://recordings"


class _Refusing(BaseHTTPRequestHandler):
    """A metadata service that has no credentials for this machine."""

    def do_PUT(self) -> None:
        self.send_response(403)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Quiet."""


@pytest.fixture
def _nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", address)
        yield
        server.shutdown()


def reads() -> None:
    Bucket(BUCKET).read("a.flac")


def checks() -> None:
    check._reach(Fetcher(FetchLimits(), AllowList((BUCKET,), False), {}), BUCKET)


@pytest.mark.usefixtures("_nobody")
@pytest.mark.parametrize("look", [reads, checks])
def test_missing_credentials_are_called_so(look: Callable[[], None]) -> None:
    with pytest.raises(Exception, match=r"403.*no credentials were found: set AWS_ACCESS_KEY_ID"):
        look()
