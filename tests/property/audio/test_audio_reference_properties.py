"""Whatever is written into a reference, it stays below an allowed prefix or is refused."""

import posixpath
from urllib.parse import quote, unquote, urljoin, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from consumer.audio.reference import AllowList, Location
from consumer.errors import PermanentError, Reason

PREFIXES = ("s3://bucket/in", "file:///data/in", "https://host.example/in")
ALLOW = AllowList(PREFIXES)

DOTS = [
    "..",
    ".",
    "%2e%2e",
    "%2E.",
    ".%2e",
    "%252e%252e",
    "..;a",
    "...",
    "",
    "%00",
    "\\..",
    "..%5c",
]
SEPARATORS = ["/", "//", "\\", "%2f", "%2F", "%252f", "%5c", "/./", "/../", "?", "#", "@", ":", ";"]
WORDS = [
    "in",
    "in2",
    "in-evil",
    "IN",
    "data",
    "bucket",
    "bucket-evil",
    "host.example",
    "a",
    "é",
    " ",
]
pieces = st.sampled_from(DOTS + SEPARATORS + WORDS) | st.text(max_size=3)
starts = st.sampled_from(
    [
        *PREFIXES,
        "s3://bucket",
        "s3://",
        "file://",
        "file:",
        "https://host.example",
        "https:/",
        "https://user@host.example/in",
        "HTTPS://HOST.example/in",
        "http://host.example/in",
    ]
)
uris = st.builds(lambda start, rest: start + "".join(rest), starts, st.lists(pieces, max_size=8))


def readings(path: str) -> set[str]:
    """Every path that somebody who decodes, resolves and maybe decodes again may arrive at."""
    found, text = set(), path
    for _ in range(4):
        for slashes in (text, text.replace("\\", "/")):
            found.add(posixpath.normpath("/" + slashes.lstrip("/")))
            bare = "/".join(part.split(";")[0] for part in slashes.split("/"))
            found.add(posixpath.normpath("/" + bare.lstrip("/")))
        text = unquote(text)
    return found


def allowed(uri: str) -> Location | None:
    try:
        return ALLOW.check(uri)
    except PermanentError as refusal:
        if refusal.reason is not Reason.REFERENCE_FORBIDDEN:
            raise
        return None


@given(uris)
@example("https://host.example/in/%252e%252e/x")
@example("s3://bucket/in-evil/a")
@example("file:///data/in/..;/x")
def test_what_is_allowed_lies_below_a_prefix_however_it_is_read(uri: str) -> None:
    location = allowed(uri)
    if location is None:
        return
    place = f"{location.scheme}://{location.authority}"
    assert place in ("s3://bucket", "file://", "https://host.example")
    root = "/data/in" if location.scheme == "file" else "/in"
    for path in readings(location.path):
        assert path == root or path.startswith(root + "/")
    if location.scheme == "https":
        split = urlsplit(location.url)
        assert (split.scheme, split.username) == ("https", None)
        assert split.netloc.lower().removesuffix(":443").rstrip(".") == "host.example"
        assert urljoin("https://elsewhere.example/x/y", location.url) == location.url


@given(st.text())
def test_any_text_is_allowed_or_forbidden_and_nothing_else(uri: str) -> None:
    allowed(uri)


names = st.text(st.characters(categories=["L", "N"], include_characters="-_. ()+,"), min_size=1)


@given(st.lists(names.filter(lambda name: set(name) != {"."}), min_size=1, max_size=4))
def test_ordinary_names_are_allowed(parts: list[str]) -> None:
    encoded = "/".join(quote(part) for part in parts)
    assert ALLOW.check("s3://bucket/in/" + "/".join(parts)).segments == ("in", *parts)
    assert ALLOW.check("https://host.example/in/" + encoded).segments == ("in", *parts)
    assert ALLOW.check("file:///data/in/" + encoded).segments == ("data", "in", *parts)
