"""A web server, and fetchers that may ask it."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from consumer.audio.fetch import Fetcher
from consumer.audio.reference import AllowList
from tests.integration.audio.fetching import HASTY, LIMITS
from tests.integration.audio.web import WebServer


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetcher(web: WebServer) -> Iterator[Fetcher]:
    allow = AllowList((web.base, "http://169.254.169.254/", "http://localhost:1/"), True)
    with closing(Fetcher(LIMITS, allow, {})) as fetcher:
        yield fetcher


@pytest.fixture
def hasty(web: WebServer) -> Iterator[Fetcher]:
    allow = AllowList((web.base, "http://localhost:1/", "http://no-such-host.invalid/"), True)
    with closing(Fetcher(HASTY, allow, {})) as fetcher:
        yield fetcher
