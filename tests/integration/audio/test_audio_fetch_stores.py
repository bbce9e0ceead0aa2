"""Fetching from object stores: a real S3 server, and one that breaks on request."""

import hashlib
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import obstore
import pytest
from obstore.store import S3Store

from consumer.audio.fetch import Fetcher, FetchLimits
from consumer.audio.reference import AllowList, Reference
from consumer.errors import (
    FatalError,
    ObjectUnavailableError,
    PermanentError,
    Reason,
    TransientError,
)
from tests.brokers.parts import RealParts
from tests.integration.audio import s3
from tests.integration.audio.fetching import HASTY, LIMITS, failure
from tests.integration.audio.web import AUDIO, SLOW_S, WebServer

ODD_KEYS = [
    "plain.wav",
    "deep/er/a.wav",
    "a b+c.wav",
    "50%.wav",
    "what?.wav",
    "é#1.wav",
    "a=b&c.wav",
]


def reason(fetcher: Fetcher, uri: str, **claims: Any) -> tuple[type, Reason]:
    error = failure(fetcher, uri, **claims)
    assert isinstance(error, PermanentError | ObjectUnavailableError)
    return type(error), error.reason


MISSING = (ObjectUnavailableError, Reason.OBJECT_MISSING)
DENIED = (ObjectUnavailableError, Reason.OBJECT_DENIED)


def through_broken(web: WebServer, limits: FetchLimits) -> Fetcher:
    """The web server as an S3 endpoint: the bucket's name says how it breaks."""
    options = {
        "aws_endpoint": web.base,
        "aws_region": "us-east-1",
        "aws_skip_signature": "true",
        "allow_http": "true",
    }
    names = (
        "500 503 404 403 412 silent drip short shortonce wrongonce ok tagged enormous hangup says"
    )
    return Fetcher(limits, AllowList(tuple(f"s3://{name}" for name in names.split())), options)


@pytest.fixture
def through(web: WebServer) -> Fetcher:
    return through_broken(web, LIMITS)


@pytest.mark.parametrize("bucket", ["500", "503", "short"])
def test_stores_in_trouble(web: WebServer, through: Fetcher, bucket: str) -> None:
    assert isinstance(failure(through, f"s3://{bucket}/a.wav"), TransientError)
    assert web.asked[bucket] == (2 if bucket == "short" else 1)


@pytest.mark.parametrize("bucket", ["silent", "drip", "hangup"])
def test_stores_that_do_not_answer_in_time_are_left(web: WebServer, bucket: str) -> None:
    start = time.monotonic()
    assert isinstance(failure(through_broken(web, HASTY), f"s3://{bucket}/a.wav"), TransientError)
    assert time.monotonic() - start < SLOW_S / 2
    assert web.asked[bucket] == 1


def test_damaged_transfers_are_tried_once_more(web: WebServer, through: Fetcher) -> None:
    digest = hashlib.sha256(AUDIO).hexdigest()
    assert through.fetch(Reference("s3://shortonce/a.wav")) == AUDIO
    assert through.fetch(Reference("s3://wrongonce/a.wav", sha256=digest)) == AUDIO
    assert reason(through, "s3://ok/a.wav", sha256="0" * 64)[1] is Reason.DIGEST_MISMATCH
    assert web.asked["ok"] == 2


def test_answers_about_the_object(through: Fetcher) -> None:
    assert reason(through, "s3://404/a.wav") == MISSING
    assert reason(through, "s3://403/a.wav") == DENIED
    assert reason(through, "s3://412/a.wav") == (PermanentError, Reason.OBJECT_CHANGED)
    assert reason(through, "s3://enormous/a.wav") == (PermanentError, Reason.TOO_LARGE)


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [
        (400, "KeyTooLongError", DENIED),
        (400, "InvalidURI", DENIED),
        (400, "InvalidObjectName", DENIED),
        (400, "NoSuchVersion", MISSING),
        (405, "MethodNotAllowed", MISSING),
        (403, "InvalidObjectState", DENIED),
        (409, "BlobArchived", DENIED),
        (403, "AccessDenied", DENIED),
    ],
)
def test_codes_that_are_about_the_object(
    through: Fetcher, status: int, code: str, verdict: tuple[type, Reason]
) -> None:
    """None of them passes by waiting: retried for ever, one such event stops its partition."""
    assert reason(through, f"s3://says/{status}/{code}/a.wav") == verdict


@pytest.mark.parametrize("code", ["InvalidArgument", "InvalidVersionId"])
def test_an_argument_that_is_none_can_only_be_the_version(through: Fetcher, code: str) -> None:
    uri = f"s3://says/400/{code}/a.wav"
    assert reason(through, uri, version_id="nonsense") == MISSING
    assert isinstance(failure(through, uri), TransientError)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "AuthorizationHeaderMalformed"),
        (400, "RequestTimeout"),
        (400, "ExpiredToken"),
        (400, "InvalidBucketName"),
        (403, "InvalidAccessKeyId"),
        (403, "SignatureDoesNotMatch"),
        (409, "OperationAborted"),
        (503, "SlowDown"),
    ],
)
def test_codes_that_are_about_us_or_the_store(through: Fetcher, status: int, code: str) -> None:
    for version in (None, "7"):
        error = failure(through, f"s3://says/{status}/{code}/a.wav", version_id=version)
        assert isinstance(error, TransientError)


def test_a_key_that_reads_like_a_code_is_none(through: Fetcher) -> None:
    key = "InvalidToken status code: 403 <Code>ExpiredToken</Code>.wav"
    assert reason(through, f"s3://says/403/AccessDenied/{key}") == DENIED


@pytest.mark.parametrize("letter", ["a", "é"])
@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_a_key_longer_than_keys_can_be(letter: str, scheme: str) -> None:
    fetcher = Fetcher(LIMITS, AllowList((f"{scheme}://ok",)), {"azure_storage_account_name": "a"})
    count = 1025 if scheme == "az" else 1 + 1024 // len(letter.encode())
    forbidden = (PermanentError, Reason.REFERENCE_FORBIDDEN)
    assert reason(fetcher, f"{scheme}://ok/{letter * count}") == forbidden


def test_a_key_as_long_as_keys_can_be(web: WebServer, through: Fetcher) -> None:
    assert through.fetch(Reference("s3://ok/" + "a" * 1024)) == AUDIO


def test_etag_and_version_are_asked_for(web: WebServer, through: Fetcher) -> None:
    assert through.fetch(Reference("s3://tagged/a.wav", etag="v1", version_id="7")) == AUDIO
    assert web.queries["tagged"] == "versionId=7"
    assert reason(through, "s3://tagged/a.wav", etag="v0")[1] is Reason.OBJECT_CHANGED


def test_options_that_do_not_fit_are_said_by_name() -> None:
    fetcher = Fetcher(LIMITS, AllowList(("s3://b",)), {"aws_nonsense": "1"})
    with pytest.raises(FatalError, match="aws_nonsense"):
        fetcher.check("s3://b")


@pytest.fixture(scope="module")
def server(
    real_parts: RealParts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[s3.S3Server]:
    real_parts.need("S3 server", s3.missing())
    server = s3.S3Server(tmp_path_factory.mktemp("s3"))
    server.create_bucket("audio")
    yield server
    server.stop()


@pytest.fixture
def bucket(server: s3.S3Server) -> S3Store:
    options: Any = server.options()
    allow_http = options.pop("allow_http") == "true"
    return S3Store("audio", config=options, client_options={"allow_http": allow_http})


def fetcher(server: s3.S3Server, account: tuple[str, str] = s3.S3Server.root) -> Fetcher:
    allow = AllowList(("s3://audio", "s3://nowhere", server.endpoint), allow_private_hosts=True)
    return Fetcher(LIMITS, allow, server.options(account))


@pytest.mark.parts
@pytest.mark.parametrize("key", ODD_KEYS)
def test_s3_objects_arrive_and_are_verified(server: s3.S3Server, bucket: S3Store, key: str) -> None:
    etag = obstore.put(bucket, key, AUDIO)["e_tag"]
    reference = Reference(
        f"s3://audio/{key}", len(AUDIO), hashlib.sha256(AUDIO).hexdigest(), etag=etag
    )
    assert fetcher(server).fetch(reference) == AUDIO


@pytest.mark.parts
def test_s3_objects_that_come_late_or_change(server: s3.S3Server, bucket: S3Store) -> None:
    reading = fetcher(server)
    assert reason(reading, "s3://audio/late.wav") == MISSING
    etag = obstore.put(bucket, "late.wav", AUDIO)["e_tag"]
    assert etag is not None
    assert reading.fetch(Reference("s3://audio/late.wav", etag=etag)) == AUDIO
    assert reading.fetch(Reference("s3://audio/late.wav", etag=etag.strip('"'))) == AUDIO
    obstore.put(bucket, "late.wav", AUDIO[::-1])
    changed = (PermanentError, Reason.OBJECT_CHANGED)
    assert reason(reading, "s3://audio/late.wav", etag=etag) == changed
    obstore.put(bucket, "empty.wav", b"")
    assert reason(reading, "s3://audio/empty.wav")[1] is Reason.EMPTY_OBJECT
    obstore.put(bucket, "large.wav", bytes(LIMITS.max_bytes + 1))
    assert reason(reading, "s3://audio/large.wav")[1] is Reason.TOO_LARGE


@pytest.mark.parts
def test_s3_refusals_of_the_object_and_of_ourselves(server: s3.S3Server, bucket: S3Store) -> None:
    obstore.put(bucket, "private.wav", AUDIO)
    assert reason(fetcher(server, server.stranger), "s3://audio/private.wav") == DENIED
    for account in (("root", "wrong"), ("nobody", "wrong")):
        error = failure(fetcher(server, account), "s3://audio/private.wav")
        assert isinstance(error, TransientError)
        assert "credentials" in str(error)


@pytest.mark.parts
def test_s3_presigned_references(server: s3.S3Server, bucket: S3Store) -> None:
    obstore.put(bucket, "signed a.wav", AUDIO)
    long = obstore.sign(bucket, "GET", "signed a.wav", timedelta(minutes=1))
    short = obstore.sign(bucket, "GET", "signed a.wav", timedelta(seconds=1))
    reading = fetcher(server)
    assert reading.fetch(Reference(long)) == AUDIO
    forged = long[:-4] + ("0000" if long[-4:] != "0000" else "1111")
    assert reason(reading, forged) == DENIED
    time.sleep(2.1)
    assert reason(reading, short) == (PermanentError, Reason.REFERENCE_EXPIRED)


@pytest.mark.parts
def test_s3_versions_that_are_none(server: s3.S3Server, bucket: S3Store) -> None:
    obstore.put(bucket, "unversioned.wav", AUDIO)
    for version in ("nonsense", "01JZ8Z3M5J8K9V2H4T7P6Q1R0S"):
        kind, _ = reason(fetcher(server), "s3://audio/unversioned.wav", version_id=version)
        assert kind is ObjectUnavailableError


@pytest.mark.parts
def test_s3_outage_and_return(server: s3.S3Server, bucket: S3Store) -> None:
    obstore.put(bucket, "there.wav", AUDIO)
    reading = fetcher(server)
    server.stop()
    try:
        assert isinstance(failure(reading, "s3://audio/there.wav"), TransientError)
        with pytest.raises(TransientError):
            reading.check("s3://audio")
    finally:
        server.start()
    assert reading.fetch(Reference("s3://audio/there.wav")) == AUDIO


@pytest.mark.parts
def test_s3_check(server: s3.S3Server) -> None:
    fetcher(server).check("s3://audio/some/path")
    with pytest.raises(ObjectUnavailableError, match="nowhere"):
        fetcher(server).check("s3://nowhere")
    with pytest.raises(TransientError, match="credentials"):
        fetcher(server, ("root", "wrong")).check("s3://audio")
