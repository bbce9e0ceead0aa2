"""Where `publish` puts chunks: a folder, or a bucket by URL."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

Put = Callable[[str, bytes], None]
"""Stores bytes under a URL below the prefix."""


def destination(to: str) -> tuple[str, Put]:
    """The URL prefix of a destination, and how to store below it.

    `to` is a folder (made if missing) or a URL that obstore knows (s3://bucket/prefix, gs://,
    az://, file:///folder); credentials come from the environment.
    """
    if "://" not in to:
        to = Path(to).resolve().as_uri()
    prefix = to.rstrip("/")
    if urlsplit(prefix).scheme == "file":
        return prefix, _put_file
    from obstore.store import from_url  # late: most calls write to a folder

    store = from_url(prefix)

    def put(url: str, content: bytes) -> None:
        store.put(url.removeprefix(prefix).lstrip("/"), content)

    return prefix, put


def _put_file(url: str, content: bytes) -> None:
    path = Path(unquote(urlsplit(url).path))
    path.parent.mkdir(parents=True, exist_ok=True)
    # In one step: a reader never sees half a chunk.
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(path)
