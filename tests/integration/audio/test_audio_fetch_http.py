"""Fetching from a real web server: what arrives, and what is refused."""

import hashlib

import pytest

from consumer.audio.fetch import Fetcher
from consumer.audio.reference import Reference
from consumer.errors import ObjectUnavailableError, Reason, TransientError
from tests.integration.audio.fetching import failure, reason
from tests.integration.audio.web import AUDIO, WebServer

SHA256 = hashlib.sha256(AUDIO).hexdigest()


def test_bytes_arrive_and_are_verified(web: WebServer, fetcher: Fetcher) -> None:
    uri = f"{web.base}/ok?X-Amz-Signature=secret"
    assert fetcher.fetch(Reference(uri)) == AUDIO
    assert fetcher.fetch(Reference(uri, len(AUDIO), SHA256.upper())) == AUDIO
    assert web.asked["ok"] == 2


def test_a_signature_is_sent_as_it_came(web: WebServer, fetcher: Fetcher) -> None:
    query = "X-Amz-Credential=A%2F2026%2fus&a+b=c%20d/e='~!*()@:&empty=&bare"
    fetcher.fetch(Reference(f"{web.base}/ok?{query}"))
    assert web.queries["ok"] == query


@pytest.mark.parametrize(("status", "code"), [(404, "object_missing"), (410, "object_missing")])
def test_missing_objects_may_come_later(
    web: WebServer, fetcher: Fetcher, status: int, code: str
) -> None:
    error = failure(fetcher, f"{web.base}/{status}")
    assert isinstance(error, ObjectUnavailableError)
    assert error.reason == code
    assert isinstance(failure(fetcher, f"{web.base}/late"), ObjectUnavailableError)
    assert fetcher.fetch(Reference(f"{web.base}/late")) == AUDIO


@pytest.mark.parametrize("status", [400, 401, 403, 405])
def test_refused_objects(web: WebServer, fetcher: Fetcher, status: int) -> None:
    error = failure(fetcher, f"{web.base}/{status}?token=secret")
    assert isinstance(error, ObjectUnavailableError)
    assert error.reason is Reason.OBJECT_DENIED


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_servers_in_trouble(web: WebServer, fetcher: Fetcher, status: int) -> None:
    assert isinstance(failure(fetcher, f"{web.base}/{status}"), TransientError)
    assert web.asked[str(status)] == 1  # the caller retries, not the fetcher


def test_expired_signatures(web: WebServer, fetcher: Fetcher) -> None:
    past = "X-Amz-Date=20200101T000000Z&X-Amz-Expires=60&X-Amz-Signature=secret"
    assert reason(fetcher, f"{web.base}/403?{past}") is Reason.REFERENCE_EXPIRED
    assert reason(fetcher, f"{web.base}/expired?sig=secret") is Reason.REFERENCE_EXPIRED
    assert fetcher.fetch(Reference(f"{web.base}/ok?{past}")) == AUDIO  # the server decides


def test_a_transfer_that_breaks_off_is_tried_once_more(web: WebServer, fetcher: Fetcher) -> None:
    assert fetcher.fetch(Reference(f"{web.base}/shortonce")) == AUDIO
    assert isinstance(failure(fetcher, f"{web.base}/short"), TransientError)
    assert web.asked["short"] == 2


def test_wrong_bytes_are_tried_once_more(web: WebServer, fetcher: Fetcher) -> None:
    assert fetcher.fetch(Reference(f"{web.base}/wrongonce", sha256=SHA256)) == AUDIO
    assert reason(fetcher, f"{web.base}/ok", sha256="0" * 64) is Reason.DIGEST_MISMATCH
    assert web.asked["ok"] == 2
    assert reason(fetcher, f"{web.base}/ok", size_bytes=17) is Reason.DIGEST_MISMATCH
    assert web.asked["ok"] == 4


def test_size_is_bounded_by_claim_by_header_and_by_count(web: WebServer, fetcher: Fetcher) -> None:
    assert reason(fetcher, f"{web.base}/ok", size_bytes=1_000_001) is Reason.TOO_LARGE
    assert web.asked["ok"] == 0
    assert reason(fetcher, f"{web.base}/enormous") is Reason.TOO_LARGE
    assert reason(fetcher, f"{web.base}/endless") is Reason.TOO_LARGE


def test_what_is_larger_than_its_event_says_is_not_read_to_its_end(
    web: WebServer, fetcher: Fetcher
) -> None:
    assert reason(fetcher, f"{web.base}/endless", size_bytes=100) is Reason.DIGEST_MISMATCH
    assert web.asked["endless"] == 2
    assert fetcher.fetch(Reference(f"{web.base}/ok", size_bytes=len(AUDIO))) == AUDIO


def test_no_bytes(web: WebServer, fetcher: Fetcher) -> None:
    assert reason(fetcher, f"{web.base}/empty") is Reason.EMPTY_OBJECT


def test_check_says_whether_a_server_answers(web: WebServer, fetcher: Fetcher) -> None:
    fetcher.check(f"{web.base}/ok/")
    with pytest.raises(TransientError):
        fetcher.check("http://localhost:1/")
