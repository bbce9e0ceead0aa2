"""Finding the recordings to publish: files, globs, and objects that lie in a store already."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from consumer.audio.decode import DecodeLimits, decode
from consumer.inference.results import Waveform
from producer_tools.stores import Bucket

MAX_RECORDING_S = 12 * 3600.0
_DIGEST_CHARACTERS = 8
_MAGIC = "*?["


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording that was found; `size` is its bytes, `read` fetches them."""

    name: str
    size: int
    read: Callable[[], bytes]

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        return PurePosixPath(self.name).stem


def find(argument: str) -> list[Recording]:
    """The recordings an argument of the command line names, by name.

    Args:
        argument: a file, a glob (`talks/*.wav`, `**` for folders below), or a URL of an object
            or of a glob in a bucket (`s3://bucket/talks/*.m4a`; `*` stays within one folder).

    Raises:
        LookupError: nothing is there.
        ValueError: it is a folder, or a URL of another kind.
        producer_tools.stores.StoreError: the store cannot be read.
    """
    found = _objects(argument) if "://" in argument else _files(argument)
    if not found:
        raise LookupError(f"no recording matches {argument}")
    return found


def recording_id(recording: Recording, content: bytes) -> str:
    """File name and a digest of the content: two different files never share an id."""
    return f"{recording.stem}-{hashlib.sha256(content).hexdigest()[:_DIGEST_CHARACTERS]}"


def load(content: bytes) -> Waveform:
    """A recording as 16 kHz mono, shape (samples,), float32.

    Raises:
        consumer.errors.PermanentError: it is no audio that can be decoded.
    """
    return decode(content, limits=DecodeLimits(max_duration_s=MAX_RECORDING_S))


def _files(argument: str) -> list[Recording]:
    if Path(argument).is_dir():
        raise ValueError(f"{argument} is a folder; name its files, as '{argument}/*.wav'")
    given = Path(argument)
    # A file may have a name that reads as a glob.
    named = (
        [given] if given.exists() else Path(given.anchor).glob(str(given.relative_to(given.anchor)))
    )
    paths = sorted(path for path in named if path.is_file())
    return [Recording(str(path), path.stat().st_size, path.read_bytes) for path in paths]


def _objects(url: str) -> list[Recording]:
    parts = urlsplit(url)
    root = f"{parts.scheme}://{parts.netloc}"
    pattern = url.removeprefix(root).lstrip("/")
    bucket = Bucket(root)
    if not any(sign in pattern for sign in _MAGIC):
        return [_object(bucket, pattern, bucket.size(pattern))]
    plain = pattern[: min(pattern.find(sign) for sign in _MAGIC if sign in pattern)]
    matching = [
        (key, size) for key, size in bucket.list(plain.rpartition("/")[0]) if _matches(key, pattern)
    ]
    return [_object(bucket, key, size) for key, size in sorted(matching)]


def _object(bucket: Bucket, key: str, size: int) -> Recording:
    return Recording(f"{bucket.root}/{key}", size, lambda: bucket.read(key))


def _matches(key: str, pattern: str) -> bool:
    steps, patterns = key.split("/"), pattern.split("/")
    return len(steps) == len(patterns) and all(map(fnmatchcase, steps, patterns))
