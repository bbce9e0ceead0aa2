"""The allow-list by example; tests/property/audio holds its rules."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.audio.addresses import is_permitted
from consumer.audio.presigned import has_expired
from consumer.audio.reference import AllowList, Reference
from consumer.errors import ExitCode, FatalError, PermanentError, Reason

ALLOW = AllowList(
    (
        "file:///data/audio",
        "s3://bucket",
        "s3://shared/calls/2026",
        "gs://recordings/",
        "az://container/in",
        "abfss://box@account.dfs.core.windows.net/in",
        "https://cdn.example.org/audio/",
        "https://odd.example.org:8443/",
        "http://plain.example.org/a",
        "https://xn--strae-oqa.de/",
    )
)
ALLOWED = [
    "file:///data/audio/a.wav",
    "file://localhost/data/audio/a%20b.wav",
    "s3://bucket/a.wav",
    "S3://bucket/deep/er/a.wav",
    "s3://bucket/a b+c.wav",
    "s3://shared/calls/2026/a.flac",
    "gs://recordings/x/a.ogg",
    "az://container/in/a.mp3",
    "abfs://box@account.dfs.core.windows.net/in/a.mp3",
    "https://cdn.example.org/audio/a.wav?X-Amz-Signature=x",
    "https://CDN.example.org.:443/audio/a.wav",
    "https://cdn.example.org/%61udio/a.wav",
    "https://odd.example.org:8443/a",
    "http://plain.example.org/a/b",
    "https://XN--STRAE-OQA.de/a",
]
REFUSED = [
    "",
    "a.wav",
    "/data/audio/a.wav",
    "data:audio/wav;base64,AAAA",
    "ftp://bucket/a.wav",
    "file:///data/audio-secret/a.wav",
    "file:///data/audio/",
    "file:///data/audio/../x.wav",
    "file:///data/audio/%2e%2e/x.wav",
    "file:///data/audio/%252e%252e/x.wav",
    "file:///data/audio/..%2fx.wav",
    "file:///data/audio/a%00.wav",
    "file://host/data/audio/a.wav",
    "file:///data//audio/a.wav",
    "s3://bucket-evil/a.wav",
    "s3://bucket.evil/a.wav",
    "s3://bucket@evil/a.wav",
    "s3://bucket",
    "s3://bucket/",
    "s3://bucket//",
    "s3://bucket//a.wav",
    "s3://bucket//deep/a.wav",
    "s3://shared//calls/2026/a.flac",
    "gs://recordings//a.ogg",
    "az://container//in/a.mp3",
    "abfs://box@account.dfs.core.windows.net//in/a.mp3",
    "https://cdn.example.org//audio/a.wav",
    "file:////data/audio/a.wav",
    "s3://bucket/../other/a.wav",
    "s3://bucket\\a.wav",
    "s3://shared/calls/2026-secret/a.flac",
    "s3://shared/calls/a.flac",
    "gs://bucket/a.wav",
    "az://container/a.mp3",
    "abfs://box@other.dfs.core.windows.net/in/a.mp3",
    "abfs://box@account.dfs.core.windows.net.evil.org/in/a.mp3",
    "https://cdn.example.org.evil.org/audio/a.wav",
    "https://cdn.example.org@evil.org/audio/a.wav",
    "https://user:secret@cdn.example.org/audio/a.wav",
    "https://cdn.example.org:444/audio/a.wav",
    "https://cdn.example.org/audio/..;x/a.wav",
    "https://cdn.example.org/audio/.%2e/a.wav",
    "https://cdn.example.org/audio/%5c../a.wav",
    "https://cdn.example.org/audio/a.wav#x",
    "https://cdn.example.org/other?/audio/a.wav",
    "https://cdn.example.org\t/audio/a.wav",
    "http://cdn.example.org/audio/a.wav",
    "https://plain.example.org/a/b",
    "https://[::1]/audio/a.wav",
    "https://strasse.de/a",
    "https://straße.de/a",
    "https://xn--a/a",
    "https://xn--/a",
    "https://cdn.xn--zz--.org/a",
    "https://xn--0.org/a",
    "s3://bucket/" + "a" * 9000,
]


@pytest.mark.parametrize("uri", ALLOWED)
def test_allowed(uri: str) -> None:
    assert ALLOW.check(uri).prefix_length >= 0


@pytest.mark.parametrize("uri", REFUSED)
def test_refused(uri: str) -> None:
    with pytest.raises(PermanentError) as caught:
        ALLOW.check(uri)
    assert caught.value.reason is Reason.REFERENCE_FORBIDDEN
    assert "secret@" not in str(caught.value)


def test_an_empty_list_allows_nothing_and_names_the_setting() -> None:
    with pytest.raises(PermanentError, match="allowed_prefixes") as caught:
        AllowList(()).check("s3://bucket/a.wav")
    assert caught.value.reason is Reason.REFERENCE_FORBIDDEN


@pytest.mark.parametrize(
    "prefix",
    [
        "/data/audio",
        "s3://",
        "ftp://host/",
        "https://host/a?b=c",
        "s3://bucket/../x",
        "s3://bucket//",
        "s3://bucket//a",
        "https://xn--a/",
        "bucket",
    ],
)
def test_a_prefix_that_cannot_be_used(prefix: str) -> None:
    with pytest.raises(FatalError, match="allowed_prefixes") as caught:
        AllowList((prefix,))
    assert caught.value.code is ExitCode.SETTINGS


def test_signatures_stay_out_of_texts() -> None:
    uri = "https://cdn.example.org/audio/a.wav?X-Amz-Signature=5ec2e7"
    location = ALLOW.check(uri)
    assert location.url == uri
    for text in (str(location), repr(location), repr(Reference(uri)), str(Reference(uri))):
        assert "5ec2e7" not in text
        assert "cdn.example.org" in text
    for refused in ("https://evil.org/a?X-Amz-Signature=5ec2e7", "s3://other/a?Signature=5ec2e7"):
        with pytest.raises(PermanentError) as caught:
            ALLOW.check(refused)
        assert "5ec2e7" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "public", "private"),
    [
        ("93.184.216.34", True, True),
        ("2606:2800:220:1::1", True, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("10.1.2.3", False, True),
        ("192.168.0.1", False, True),
        ("172.16.0.1", False, True),
        ("100.64.0.1", False, True),  # carrier-grade NAT
        ("fd00::1", False, True),
        ("::ffff:127.0.0.1", False, True),
        ("64:ff9b::7f00:1", False, True),  # NAT64 of 127.0.0.1
        ("2002:7f00:1::", False, True),  # 6to4 of 127.0.0.1
        ("64:ff9b::5db8:d822", True, True),  # NAT64 of 93.184.216.34
        ("64:ff9b:1::7f00:1", False, True),  # NAT64 of one's own
        ("64:ff9b:1::5db8:d822", False, True),
        ("::127.0.0.1", False, True),
        ("::93.184.216.34", False, True),
        ("::ffff:0:127.0.0.1", False, True),
        ("::ffff:0:93.184.216.34", False, True),
        ("fec0::1", False, True),
        ("192.0.0.8", False, True),
        ("192.0.0.192", False, False),  # Oracle's metadata
        ("100.100.100.200", False, False),  # Alibaba's
        ("168.63.129.16", False, False),  # Azure's
        ("fd00:ec2::254", False, False),  # AWS's
        ("fd00:ec2::23", False, False),
        ("fd20:ce::254", False, False),  # Google's
        ("::169.254.169.254", False, False),
        ("::ffff:0:169.254.169.254", False, False),
        ("64:ff9b::a9fe:a9fe", False, False),
        ("64:ff9b:1::a9fe:a9fe", False, False),
        ("64:ff9b::6464:64c8", False, False),
        ("2002:a9fe:a9fe::", False, False),
        ("169.254.169.254", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("fe80::1%eth0", False, False),
        ("0.0.0.0", False, False),
        ("::", False, False),
        ("224.0.0.1", False, False),
    ],
)
def test_addresses(address: str, public: bool, private: bool) -> None:
    assert is_permitted(address, allow_private=False) is public
    assert is_permitted(address, allow_private=True) is private


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Date=20260101T000000Z&X-Amz-Expires=3600&X-Amz-Signature=s",
        "X-Goog-Date=20260101T000000Z&X-Goog-Expires=3600&X-Goog-Signature=s",
        "AWSAccessKeyId=a&Expires=1767229200&Signature=s",
        "se=2026-01-01T01%3A00%3A00Z&sig=s",
    ],
)
def test_when_a_signature_ends(query: str) -> None:
    end = 1767229200.0  # 2026-01-01 01:00 UTC
    assert not has_expired(query, end - 1)
    assert has_expired(query, end)


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Date=20260101T000000Z&X-Amz-Expires=" + "9" * 400,
        "X-Amz-Date=20260101T000000Z&X-Amz-Expires=-" + "9" * 400,
        "X-Goog-Date=20260101T000000Z&X-Goog-Expires=" + "9" * 5000,
        "Expires=" + "9" * 400 + "&Signature=s",
        "Expires=nan&Signature=s",
        "Expires=inf&Signature=s",
        "Expires=-inf&Signature=s",
        "se=2026&sig=s",
    ],
)
def test_what_is_no_time_ends_no_signature(query: str) -> None:
    assert not has_expired(query, 1e12)
    assert has_expired(query, 1e12, b"Request has expired")


dates = st.sampled_from(["20260101T000000Z", "00010101T000000Z"]) | st.text()
ends = st.sampled_from(["9999-12-31T23:59:59.999-23:59", "0001-01-01T00:00+23:59"]) | st.text()
numbers = st.integers().map(str) | st.just("9" * 400) | st.floats().map(str) | st.text()
signatures = st.one_of(
    st.fixed_dictionaries({"X-Amz-Date": dates, "X-Amz-Expires": numbers}),
    st.fixed_dictionaries({"X-Goog-Date": dates, "X-Goog-Expires": numbers}),
    st.fixed_dictionaries({"Expires": numbers, "Signature": st.text(min_size=1)}),
    st.fixed_dictionaries({"se": ends, "sig": st.text(min_size=1)}),
)


@given(signatures, st.floats(0, 1e12))
def test_any_signature_has_expired_or_not(parameters: dict[str, str], now: float) -> None:
    assert has_expired(urlencode(parameters), now) in (True, False)


def test_a_refusal_is_not_always_an_expiry() -> None:
    assert not has_expired("", 1e12, b"Request has expired")
    assert not has_expired("a=b", 1e12)
    assert not has_expired("X-Amz-Date=nonsense&X-Amz-Expires=1", 1e12)
    assert has_expired("X-Amz-Security-Token=t", 0.0, b"<Error><Code>ExpiredToken</Code>")
