"""References to audio objects, and the allow-list that is asked before anything is opened."""

import re
import unicodedata
from dataclasses import dataclass, field
from urllib.parse import unquote

from consumer.errors import ExitCode, FatalError, PermanentError, Reason

WEB_SCHEMES = ("https", "http")
SCHEMES = ("file", "s3", "gs", "az", "abfs", *WEB_SCHEMES)
MAX_URI_LENGTH = 8192  # longer than any presigned URL, short enough to refuse cheaply
_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)")
_WEB_AUTHORITY = re.compile(r"(?P<host>[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_BUCKET = re.compile(r"[A-Za-z0-9_.-]+")
_ABFS = re.compile(r"[a-z0-9$-]+@[a-z0-9]+\.dfs\.core\.windows\.net")
_DEFAULT_PORT = {"https": "443", "http": "80"}


@dataclass(frozen=True)
class Reference:
    """One object as an event names it, with the integrity claims the event makes about it.

    `size_bytes` counts bytes, `sha256` is hexadecimal, `etag` and `version_id` are the store's own.
    """

    uri: str
    size_bytes: int | None = None
    sha256: str | None = None
    etag: str | None = None
    version_id: str | None = None

    def __repr__(self) -> str:
        """Name the object without its query string: a presigned one is a credential."""
        return f"Reference({describe(self.uri)!r}, size_bytes={self.size_bytes})"


@dataclass(frozen=True)
class Location:
    """A uri in normalised parts. `str()` gives it without its query string.

    `segments` are percent-decoded for file and web schemes and literal for object stores, whose
    keys are not encoded in a uri. `path` is as it was written (what a web server is asked for).
    """

    scheme: str
    authority: str
    segments: tuple[str, ...]
    path: str
    query: str = field(default="", repr=False)
    prefix_length: int = 0  # how many leading segments the allow-list's prefix covers

    def __str__(self) -> str:
        return describe(f"{self.scheme}://{self.authority}{self.path}")

    @property
    def key(self) -> str:
        """The segments joined: the key within a bucket."""
        return "/".join(self.segments)

    @property
    def url(self) -> str:
        """The whole of a web address, its query string included: never for messages."""
        query = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{self.authority}{self.path}{query}"

    def within(self, prefix: "Location") -> bool:
        """Whether this lies at or below `prefix`, compared by whole segments."""
        return (
            (self.scheme, self.authority) == (prefix.scheme, prefix.authority)
            and self.segments[: len(prefix.segments)] == prefix.segments
        )  # fmt: skip


def describe(uri: str) -> str:
    """A uri fit for messages: no query string, no user name or password, bounded length."""
    if not uri.startswith("abfs"):  # there the part before @ is the container
        uri = re.sub(r"//[^/]*@", "//", uri, count=1)
    return re.split(r"[?#]", uri, maxsplit=1)[0][:300]


def parse(uri: str) -> Location:
    """Split `uri` into normalised parts.

    Raises ValueError with the cause where the uri is malformed, names an unknown scheme or could
    mean another place to whoever decodes it once more (`..`, encoded or not, backslashes).
    """
    if len(uri) > MAX_URI_LENGTH:
        raise ValueError(f"it is longer than {MAX_URI_LENGTH} characters")
    if not uri.isprintable():
        raise ValueError("it contains a control character")
    match = _URI.fullmatch(uri)
    if match is None:
        raise ValueError("it is not of the form scheme://place/path")
    scheme = match["scheme"].lower()
    scheme = "abfs" if scheme == "abfss" else scheme
    if scheme not in SCHEMES:
        raise ValueError(f"its scheme is not one of {', '.join(SCHEMES)}")
    path, query = match["rest"], ""
    if scheme in WEB_SCHEMES:
        path, _, query = path.partition("?")
        if "#" in path + query:
            raise ValueError("it has a fragment (#)")
    if path and not path.startswith("/"):
        raise ValueError("its path does not begin with a slash")
    segments = _segments(path)
    if scheme in ("file", *WEB_SCHEMES):
        segments = tuple(unquote(segment) for segment in segments)
    return Location(scheme, _authority(scheme, match["authority"]), segments, path, query)


def _authority(scheme: str, text: str) -> str:
    if scheme == "file":
        if text not in ("", "localhost"):
            raise ValueError("a file uri names no host: write file:///path")
        return ""
    if scheme == "abfs":
        if not _ABFS.fullmatch(text):
            raise ValueError("write abfs://container@account.dfs.core.windows.net/path")
        return text
    if "@" in text:
        raise ValueError("it contains a user name")
    if scheme in WEB_SCHEMES:
        match = _WEB_AUTHORITY.fullmatch(text.lower())
        if match is None:
            raise ValueError("its host is not a plain host name (with a port at most)")
        port = match["port"]
        if port is not None and int(port) > 65_535:
            raise ValueError("its port is no port")
        host = match["host"].removesuffix(".")
        if not all(_may_be_a_label(label) for label in host.split(".")):
            raise ValueError("its host is no internationalised name, though it begins like one")
        return host if port in (None, _DEFAULT_PORT[scheme]) else f"{host}:{port}"
    if not _BUCKET.fullmatch(text):
        raise ValueError("it names no bucket or container")
    return text


def _may_be_a_label(label: str) -> bool:
    """Whether a part of a host name says what it is: `xn--` begins an encoded one (RFC 5890)."""
    if not label.startswith("xn--"):
        return True
    try:
        name = label.removeprefix("xn--").encode("ascii").decode("punycode")
    except UnicodeError:
        return False
    return not name.isascii() and not any(unicodedata.category(sign) == "Cc" for sign in name)


def _segments(path: str) -> tuple[str, ...]:
    segments = path.split("/")[1:]
    if segments and not segments[-1]:  # one slash at the end: a folder
        segments.pop()
    for segment in segments:
        decoded = _decoded(segment)
        # Some servers cut path parameters (`..;x`) off before they resolve dots.
        if decoded.split(";")[0] in ("", ".", ".."):
            raise ValueError("its path contains an empty, '.' or '..' segment")
        if re.search(r"[/\\]", decoded) or not decoded.isprintable():
            raise ValueError("its path hides a slash, backslash or control character")
    return tuple(segments)


def _decoded(segment: str) -> str:
    """`segment` percent-decoded until it no longer changes: every reading a server may take."""
    while (once := unquote(segment)) != segment:
        segment = once
    return segment


@dataclass(frozen=True)
class AllowList:
    """Which places audio may be read from. An empty one allows nothing.

    A prefix is a uri and covers what lies at or below it, by whole path segments:
    `s3://bucket/calls` covers `s3://bucket/calls/1.flac`, not `s3://bucket/calls-secret/1.flac`.
    `allow_private_hosts` lets web prefixes lead to private and loopback addresses.

    Raises FatalError(SETTINGS) for a prefix that is not a usable uri.
    """

    prefixes: tuple[str, ...]
    allow_private_hosts: bool = False
    _places: tuple[Location, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        places = []
        for prefix in self.prefixes:
            try:
                place = parse(prefix)
            except ValueError as error:
                raise FatalError(
                    ExitCode.SETTINGS,
                    f"allowed_prefixes: {describe(prefix)!r} cannot be used: {error}. Write, for "
                    "example, file:///data/audio, s3://bucket/path or https://host/path",
                ) from None
            if place.query:
                raise FatalError(
                    ExitCode.SETTINGS,
                    f"allowed_prefixes: {describe(prefix)!r} has a query string: remove it",
                )
            places.append(place)
        object.__setattr__(self, "_places", tuple(places))

    def check(self, uri: str) -> Location:
        """The parts of `uri` if it is allowed. Opens nothing and looks nothing up.

        Raises PermanentError(REFERENCE_FORBIDDEN) otherwise.
        """
        try:
            location = parse(uri)
        except ValueError as error:
            raise forbidden(describe(uri), str(error)) from None
        if not self._places:
            raise forbidden(
                str(location),
                "nothing is allowed yet: set allowed_prefixes to the places audio is read from",
            )
        matches = [place for place in self._places if location.within(place)]
        if not matches:
            raise forbidden(
                str(location), "it lies under none of allowed_prefixes: add its prefix there"
            )
        if not location.segments or location.path.endswith("/"):
            raise forbidden(str(location), "it names a folder, not an object")
        longest = max(len(place.segments) for place in matches)
        return Location(
            location.scheme,
            location.authority,
            location.segments,
            location.path,
            location.query,
            prefix_length=longest,
        )


def forbidden(what: str, why: str) -> PermanentError:
    """The refusal of one reference."""
    return PermanentError(Reason.REFERENCE_FORBIDDEN, f"{what} may not be read: {why}")
