"""An event may say which state of an object it means: by its ETag, by its version."""

import pytest

from consumer.audio.fetch import Fetcher
from consumer.audio.reference import AllowList, Reference
from consumer.errors import Reason
from tests.integration.audio.fetching import LIMITS, reason
from tests.integration.audio.web import AUDIO, WebServer


@pytest.mark.parametrize("etag", ['"v1"', "v1", 'W/"v1"'])
def test_the_etag_that_was_promised(web: WebServer, fetcher: Fetcher, etag: str) -> None:
    for name in ("tagged", "ignorant"):
        assert fetcher.fetch(Reference(f"{web.base}/{name}", etag=etag)) == AUDIO


def test_the_etag_is_asked_for(web: WebServer, fetcher: Fetcher) -> None:
    assert fetcher.fetch(Reference(f"{web.base}/guarded", etag="v1")) == AUDIO


@pytest.mark.parametrize("name", ["tagged", "ignorant", "guarded"])
def test_another_etag(web: WebServer, fetcher: Fetcher, name: str) -> None:
    assert reason(fetcher, f"{web.base}/{name}", etag="v0") is Reason.OBJECT_CHANGED
    assert web.asked[name] == 1


NO_CLAIMS: list[dict[str, str]] = [
    {"etag": "é"},
    {"etag": "a\n"},
    {"etag": "a\r\nX-Injected: 1"},
    {"etag": "\0"},
    {"etag": '"a '},
    {"etag": "a\x7f"},
    {"etag": "a" * 2000},
    {"version_id": ""},
    {"version_id": "é"},
    {"version_id": "a\0b"},
    {"version_id": "a" * 2000},
]


@pytest.mark.parametrize("claims", NO_CLAIMS, ids=ascii)
@pytest.mark.parametrize("place", ["web", "s3", "file"])
def test_an_etag_or_version_that_can_be_none(
    web: WebServer, place: str, claims: dict[str, str]
) -> None:
    prefix = {"web": web.base, "s3": "s3://ok", "file": "file:///nowhere"}[place]
    options = {"aws_endpoint": web.base, "aws_skip_signature": "true", "allow_http": "true"}
    fetcher = Fetcher(LIMITS, AllowList((prefix,), allow_private_hosts=True), options)
    assert reason(fetcher, f"{prefix}/ok", **claims) is Reason.MALFORMED_EVENT
    assert not web.asked
    fetcher.close()


def test_another_version(web: WebServer, fetcher: Fetcher) -> None:
    assert fetcher.fetch(Reference(f"{web.base}/tagged", version_id="7")) == AUDIO
    assert reason(fetcher, f"{web.base}/tagged", version_id="8") is Reason.OBJECT_CHANGED
