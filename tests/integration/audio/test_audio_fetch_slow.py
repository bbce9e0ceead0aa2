"""A web server that takes its time, or is away, is left in time."""

import socket
import threading
import time
from contextlib import suppress

import pytest

from consumer.audio.fetch import Fetcher, FetchLimits
from consumer.audio.reference import AllowList
from consumer.errors import ObjectUnavailableError, Reason, TransientError
from tests.integration.audio.fetching import LIMITS, failure
from tests.integration.audio.web import SLOW_S, WebServer

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
