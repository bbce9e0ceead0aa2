"""Where recordings are found and chunks put: folders, and buckets by URL.

Credentials and endpoints come from the environment, by the names each store's own tools use
(`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `AZURE_STORAGE_ACCOUNT_NAME`, ...).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from consumer.credentials import explained
from consumer.errors import SpeakerstreamError

_SCHEMES = ("s3", "gs", "az", "abfs", "memory")


class StoreError(SpeakerstreamError):
    """A bucket that cannot be read or written; says why."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A place for chunks: `put` stores bytes under a URL below `prefix`."""

    prefix: str
    put: Callable[[str, bytes], None]


class Bucket:
    """Objects below a URL such as `s3://bucket` or `s3://bucket/prefix`; thread-safe.

    Raises:
        ValueError: the URL is of no store known here.
    """

    def __init__(self, root: str) -> None:
        if urlsplit(root).scheme not in _SCHEMES:
            kinds = ", ".join(f"{scheme}://" for scheme in _SCHEMES[:-1])
            raise ValueError(f"{root} is no bucket: use {kinds} or a path of this machine")
        from obstore.store import from_url  # late: most calls write to a folder

        self.root = root
        self._store: Any = from_url(root)

    def list(self, folder: str) -> Iterator[tuple[str, int]]:
        """Keys and sizes in bytes of everything under a folder."""
        with self._errors(folder):
            for page in self._store.list(folder or None):
                for entry in page:
                    yield str(entry["path"]), int(entry["size"])

    def size(self, key: str) -> int:
        """Bytes of an object."""
        with self._errors(key):
            return int(self._store.head(key)["size"])

    def read(self, key: str) -> bytes:
        """All bytes of an object."""
        with self._errors(key):
            return bytes(self._store.get(key).bytes())

    def write(self, key: str, content: bytes) -> None:
        """Store an object, in one step."""
        with self._errors(key):
            self._store.put(key, content)

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError) as error:
            first = str(error).strip().partition("\n")[0].partition("?")[0]
            raise StoreError(f"{self.root}/{key}: {explained(first)}") from None


def destination(to: str) -> Destination:
    """A destination by folder (made if missing) or by URL (s3://bucket/prefix, gs://, az://).

    Raises:
        ValueError: the URL is of no store known here.
    """
    if "://" not in to:
        to = Path(to).resolve().as_uri()
    prefix = to.rstrip("/")
    if urlsplit(prefix).scheme == "file":
        return Destination(prefix, _put_file)
    bucket = Bucket(prefix)
    return Destination(
        prefix, lambda url, content: bucket.write(url.removeprefix(prefix).lstrip("/"), content)
    )


def _put_file(url: str, content: bytes) -> None:
    path = Path(unquote(urlsplit(url).path))
    path.parent.mkdir(parents=True, exist_ok=True)
    # In one step: a reader never sees half a chunk.
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(path)
