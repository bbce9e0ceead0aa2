"""Fetching local files: below the prefix, and only there, whatever links say."""

import hashlib
import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import LocalStore

from consumer.audio.fetch import Fetcher, FetchLimits
from consumer.audio.reference import AllowList, Reference
from consumer.errors import (
    ExitCode,
    FatalError,
    ObjectUnavailableError,
    PermanentError,
    Reason,
    SpeakerstreamError,
    TransientError,
)

AUDIO = b"not really audio, but bytes" * 100_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "audio"
    (root / "deep").mkdir(parents=True)
    (root / "a b.wav").write_bytes(AUDIO)
    (root / "deep" / "c.wav").write_bytes(AUDIO)
    (tmp_path / "outside.wav").write_bytes(b"secret")
    return root


@pytest.fixture
def fetcher(root: Path) -> Fetcher:
    return Fetcher(FetchLimits(max_bytes=10_000_000), AllowList((root.as_uri(),)), {})


def reason(fetcher: Fetcher, uri: str, **claims: Any) -> Reason:
    with pytest.raises((PermanentError, ObjectUnavailableError)) as caught:
        fetcher.fetch(Reference(uri, **claims))
    error = caught.value
    assert isinstance(error, PermanentError | ObjectUnavailableError)
    return error.reason


def test_files_arrive_and_are_verified(root: Path, fetcher: Fetcher) -> None:
    digest = hashlib.sha256(AUDIO).hexdigest()
    uri = (root / "a b.wav").as_uri()
    assert "%20" in uri
    assert fetcher.fetch(Reference(uri, len(AUDIO), digest)) == AUDIO
    assert fetcher.fetch(Reference((root / "deep/c.wav").as_uri())) == AUDIO
    assert reason(fetcher, uri, sha256="0" * 64) is Reason.DIGEST_MISMATCH
    assert reason(fetcher, uri, size_bytes=5) is Reason.DIGEST_MISMATCH


def test_etags_are_those_of_obstore(root: Path, fetcher: Fetcher) -> None:
    etag = obstore.head(LocalStore(str(root)), "deep/c.wav")["e_tag"]
    uri = (root / "deep/c.wav").as_uri()
    assert fetcher.fetch(Reference(uri, etag=etag)) == AUDIO
    (root / "deep/c.wav").write_bytes(AUDIO + b"!")
    assert reason(fetcher, uri, etag=etag) is Reason.OBJECT_CHANGED


def test_a_prefix_that_is_away_is_an_outage_of_the_store(root: Path, fetcher: Fetcher) -> None:
    """A file system that is not mounted: none of its objects is missing."""
    uri = (root / "deep/c.wav").as_uri()
    away = root.rename(root.with_name("away"))
    with pytest.raises(TransientError, match=f"{root} is not there"):
        fetcher.fetch(Reference(uri))
    away.rename(root)
    assert fetcher.fetch(Reference(uri)) == AUDIO


def test_what_cannot_be_read(root: Path, tmp_path: Path) -> None:
    fetcher = Fetcher(FetchLimits(max_bytes=1000), AllowList((root.as_uri(),)), {})
    (root / "empty").touch()
    os.mkfifo(root / "fifo")
    base = root.as_uri()
    assert reason(fetcher, f"{base}/nothing.wav") is Reason.OBJECT_MISSING
    assert reason(fetcher, f"{base}/no/such/folder.wav") is Reason.OBJECT_MISSING
    assert reason(fetcher, f"{base}/empty") is Reason.EMPTY_OBJECT
    assert reason(fetcher, f"{base}/deep") is Reason.REFERENCE_FORBIDDEN
    assert reason(fetcher, f"{base}/fifo") is Reason.REFERENCE_FORBIDDEN
    assert reason(fetcher, f"{base}/a%20b.wav/x") is Reason.REFERENCE_FORBIDDEN
    assert reason(fetcher, f"{base}/a%20b.wav") is Reason.TOO_LARGE
    assert reason(fetcher, f"{base}/{'n' * 300}") is Reason.REFERENCE_FORBIDDEN
    assert reason(fetcher, (tmp_path / "outside.wav").as_uri()) is Reason.REFERENCE_FORBIDDEN


def test_links_below_the_prefix_are_not_followed(
    root: Path, tmp_path: Path, fetcher: Fetcher
) -> None:
    (root / "link.wav").symlink_to(tmp_path / "outside.wav")
    (root / "up").symlink_to(tmp_path)
    (root / "deep/inner").symlink_to(root)
    for name in ("link.wav", "up/outside.wav", "deep/inner/link.wav"):
        assert reason(fetcher, f"{root.as_uri()}/{name}") is Reason.REFERENCE_FORBIDDEN


def test_the_prefix_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "mounted").symlink_to(root)
    prefix = (tmp_path / "mounted").as_uri()
    fetcher = Fetcher(FetchLimits(), AllowList((prefix,)), {})
    assert fetcher.fetch(Reference(f"{prefix}/deep/c.wav")) == AUDIO


def test_a_prefix_of_one_file_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "today.wav").symlink_to(root / "deep/c.wav")
    prefix = (tmp_path / "today.wav").as_uri()
    assert Fetcher(FetchLimits(), AllowList((prefix,)), {}).fetch(Reference(prefix)) == AUDIO
    # Below a longer way round it is an object like others.
    folder = Fetcher(FetchLimits(), AllowList((tmp_path.as_uri(),)), {})
    assert reason(folder, prefix) is Reason.REFERENCE_FORBIDDEN


def test_links_swapped_in_during_the_walk_gain_nothing(
    root: Path, tmp_path: Path, fetcher: Fetcher
) -> None:
    """A folder that flips between itself and a link to elsewhere is read or refused, never left."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/c.wav").write_bytes(b"secret")
    (root / "deep/c.wav").write_bytes(b"audio")
    stop = threading.Event()

    def flip() -> None:
        while not stop.is_set():
            (root / "deep").rename(root / "aside")
            (root / "deep").symlink_to(tmp_path / "elsewhere")
            stop.wait(0.0002)
            (root / "deep").unlink()
            (root / "aside").rename(root / "deep")
            stop.wait(0.0002)

    flipper = threading.Thread(target=flip)
    flipper.start()
    seen: Counter[object] = Counter()
    try:
        for _ in range(5000):
            try:
                seen[fetcher.fetch(Reference(f"{root.as_uri()}/deep/c.wav"))] += 1
            except SpeakerstreamError as error:
                seen[type(error)] += 1
    finally:
        stop.set()
        flipper.join()
    assert set(seen) - {ObjectUnavailableError} == {b"audio", PermanentError}


def test_check_and_settings(root: Path, fetcher: Fetcher) -> None:
    fetcher.check(root.as_uri())
    with pytest.raises(ObjectUnavailableError):
        fetcher.check(f"{root.as_uri()}/nowhere")
    with pytest.raises(FatalError, match="allow_htp") as caught:
        Fetcher(FetchLimits(), AllowList(()), {"allow_htp": "true"})
    assert caught.value.code is ExitCode.SETTINGS
