"""Objects of every kind on a real S3 server, every way to credentials, and what a fetch costs."""

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import S3Store
from typer.testing import CliRunner

import producer_tools
from consumer.audio.fetch import Fetcher, FetchLimits
from consumer.audio.reference import AllowList, Reference
from consumer.errors import PermanentError, Reason, TransientError
from producer_tools.cli import app
from producer_tools.stores import Bucket
from tests.brokers.fixtures import Broker
from tests.brokers.parts import RealParts
from tests.integration.audio import s3
from tests.integration.audio.identities import TOKEN, Identities
from tests.integration.audio.relay import Relay

pytestmark = pytest.mark.parts

LIMITS = FetchLimits(max_bytes=20 * 2**20)
AUDIO = bytes(range(256)) * 1000


@pytest.fixture(scope="module")
def server(
    real_parts: RealParts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[s3.S3Server]:
    """One server with a bucket that keeps versions."""
    real_parts.need("S3 server", s3.missing())
    server = s3.S3Server(tmp_path_factory.mktemp("s3"))
    try:
        server.create_bucket("audio")
        server.keep_versions("audio")
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def bucket(server: s3.S3Server) -> S3Store:
    options: Any = server.options()
    del options["allow_http"]
    return S3Store("audio", config=options, client_options={"allow_http": True})


def fetcher(server: s3.S3Server, limits: FetchLimits = LIMITS, **changed: str) -> Fetcher:
    allow = AllowList(("s3://audio", server.endpoint), allow_private_hosts=True)
    return Fetcher(limits, allow, {**server.options(), **changed})


def test_versions(server: s3.S3Server, bucket: S3Store) -> None:
    first = obstore.put(bucket, "versions.wav", AUDIO)
    second = obstore.put(bucket, "versions.wav", AUDIO[::-1])
    assert first["version"] != second["version"]
    reading = fetcher(server)
    for put, content in ((first, AUDIO), (second, AUDIO[::-1])):
        claims = Reference(
            "s3://audio/versions.wav",
            len(AUDIO),
            hashlib.sha256(content).hexdigest(),
            etag=put["e_tag"],
            version_id=put["version"],
        )
        assert reading.fetch(claims) == content
    assert reading.fetch(Reference("s3://audio/versions.wav")) == AUDIO[::-1]
    with pytest.raises(PermanentError) as caught:
        reading.fetch(
            Reference("s3://audio/versions.wav", etag=first["e_tag"], version_id=second["version"])
        )
    assert caught.value.reason is Reason.OBJECT_CHANGED


def test_an_object_uploaded_in_parts(server: s3.S3Server, bucket: S3Store) -> None:
    """Its etag is no digest of its bytes, and is compared as it is."""
    content = AUDIO * 45  # over two parts of 5 MiB
    put = obstore.put(bucket, "parts.wav", content, use_multipart=True, chunk_size=5 * 2**20)
    etag = put["e_tag"]
    assert etag is not None
    assert etag.strip('"').endswith("-3")
    digest = hashlib.sha256(content).hexdigest()
    reference = Reference("s3://audio/parts.wav", len(content), digest, etag=etag)
    assert fetcher(server).fetch(reference) == content
    with pytest.raises(PermanentError) as caught:
        fetcher(server).fetch(
            Reference("s3://audio/parts.wav", etag=hashlib.md5(content).hexdigest())
        )
    assert caught.value.reason is Reason.OBJECT_CHANGED


@pytest.fixture
def nameless(server: s3.S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fetcher]:
    """A fetcher that is given no option at all: everything is left to the environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    reading = Fetcher(LIMITS, AllowList(("s3://audio",)), {})
    yield reading
    reading.close()


def test_credentials_from_the_environment(
    server: s3.S3Server, bucket: S3Store, nameless: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    obstore.put(bucket, "mine.wav", AUDIO)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.root[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.root[1])
    assert nameless.fetch(Reference("s3://audio/mine.wav")) == AUDIO


@pytest.fixture
def token(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text(TOKEN)
    return tmp_path / "token"


def test_credentials_of_a_container(
    server: s3.S3Server,
    bucket: S3Store,
    nameless: Fetcher,
    token: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    obstore.put(bucket, "mine.wav", AUDIO)
    agent = Identities(server.root)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{agent.base}/v1/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(token))
    try:
        for _ in range(3):
            assert nameless.fetch(Reference("s3://audio/mine.wav")) == AUDIO
    finally:
        agent.close()
    assert (agent.asked, agent.refused) == (1, 0)


def test_credentials_of_a_web_identity(
    real_parts: RealParts,
    server: s3.S3Server,
    bucket: S3Store,
    nameless: Fetcher,
    token: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """AWS STS is only ever asked over TLS."""
    real_parts.need("openssl", None if shutil.which("openssl") else "install openssl")
    obstore.put(bucket, "mine.wav", AUDIO)
    key, certificate = token.with_name("key.pem"), token.with_name("certificate.pem")
    options = (
        "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
        " -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE"
    )
    command = ["openssl", "req", *options.split(), "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    key.write_text(key.read_text() + certificate.read_text())
    service = Identities(server.root, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/reader")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", service.base)
    try:
        for _ in range(3):
            assert nameless.fetch(Reference("s3://audio/mine.wav")) == AUDIO
        assert (service.asked, service.refused) == (1, 0)
        token.write_text("forged")
        forged = Fetcher(LIMITS, AllowList(("s3://audio",)), {})
        with pytest.raises(TransientError):
            forged.fetch(Reference("s3://audio/mine.wav"))
        assert service.refused > 0
    finally:
        service.close()


def test_connections_are_used_again(server: s3.S3Server, bucket: S3Store) -> None:
    """Fifty fetches one after the other and fifty by four threads, from bucket and by URL.

    The limits are wide: a client may open one more while the last goes back to its pool.
    """
    obstore.put(bucket, "often.wav", AUDIO)
    with Relay(server.endpoint) as relay:
        allow = AllowList(("s3://audio", relay.endpoint), allow_private_hosts=True)
        reading = Fetcher(LIMITS, allow, {**server.options(), "aws_endpoint": relay.endpoint})
        through: Any = {**server.options(), "aws_endpoint": relay.endpoint}
        del through["allow_http"]
        store = S3Store("audio", config=through, client_options={"allow_http": True})
        signed = obstore.sign(store, "GET", "often.wav", timedelta(minutes=5))
        for uri in ("s3://audio/often.wav", signed):
            before = relay.connections
            for _ in range(50):
                assert reading.fetch(Reference(uri)) == AUDIO
            assert relay.connections - before <= 10, "one after the other"
            before = relay.connections
            with ThreadPoolExecutor(4) as pool:
                fetched = list(
                    pool.map(lambda _, uri=uri: reading.fetch(Reference(uri)), range(50))
                )
            assert fetched == [AUDIO] * 50
            assert relay.connections - before <= 20, "by four threads"
        reading.close()


def test_what_is_too_large_is_refused_by_its_header(server: s3.S3Server, bucket: S3Store) -> None:
    size = 64 * 2**20
    obstore.put(bucket, "large.wav", bytes(size))
    with Relay(server.endpoint) as relay:
        reading = fetcher(server, FetchLimits(max_bytes=2**20), aws_endpoint=relay.endpoint)
        with pytest.raises(PermanentError) as caught:
            reading.fetch(Reference("s3://audio/large.wav"))
        assert caught.value.reason is Reason.TOO_LARGE
        reading.close()
        assert relay.received < size / 4


def test_recordings_are_published_from_bucket_to_bucket(
    server: s3.S3Server,
    bucket: S3Store,
    kafka_broker: Broker,
    unique: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sample = Path(producer_tools.__file__).parent / "sample" / "meeting.ogg"
    for key in ("talks/a.ogg", "talks/b.ogg", "talks/below/c.ogg", "talks/notes.txt"):
        obstore.put(bucket, key, sample.read_bytes())
    environment = {
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": server.root[0],
        "AWS_SECRET_ACCESS_KEY": server.root[1],
        "SPEAKERSTREAM_BOOTSTRAP_SERVERS": kafka_broker.bootstrap,
        "SPEAKERSTREAM_TOPIC_AUDIO_CHUNKS": unique,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    calls = (
        "topics --create --partitions 1",
        "publish s3://audio/talks/*.ogg --to s3://audio/chunks --codec opus --silence-within 3",
    )
    for call in calls:
        done = CliRunner().invoke(app, call.split())
        assert done.exit_code == 0, done.output
    assert done.output.count("published 5 chunks of recording") == 2
    chunks = list(Bucket("s3://audio").list("chunks"))
    assert len(chunks) == 10
    assert all(0 < size < 200_000 for _, size in chunks)

    missing = CliRunner().invoke(app, ["publish", "s3://audio/none.wav", "--to", "s3://audio/out"])
    assert missing.exit_code == 1
    assert "s3://audio/none.wav" in missing.output
