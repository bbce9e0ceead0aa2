"""Cutting: nothing lost, nothing twice, the same ids again."""

import hashlib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.audio.decode import decode
from producer_tools.chunking import cut, recording_id_of
from producer_tools.stores import destination


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 80_000), st.floats(0.1, 6.0))
def test_the_chunks_are_the_recording(samples: int, chunk_s: float) -> None:
    recording = np.random.default_rng(0).uniform(-0.9, 0.9, samples).astype(np.float32)
    chunks = list(cut(recording, "r", chunk_s, "file:///x/"))
    events = [chunk.event for chunk in chunks]
    whole = np.concatenate([decode(chunk.audio) for chunk in chunks])
    np.testing.assert_allclose(whole, recording, atol=2**-15)
    assert [event.sequence for event in events] == list(range(len(events)))
    assert [event.last for event in events] == [False] * (len(events) - 1) + [True]
    position = 0.0
    for chunk, event in zip(chunks, events, strict=True):
        assert event.start_s == pytest.approx(position)
        position += event.duration_s or 0
        assert event.size_bytes == len(chunk.audio)
        assert event.sha256 == hashlib.sha256(chunk.audio).hexdigest()
    assert position == pytest.approx(samples / 16_000)
    assert events == [chunk.event for chunk in cut(recording, "r", chunk_s, "file:///x")]


def test_another_length_gives_other_ids() -> None:
    recording = np.zeros(16_000 * 4, np.float32)
    two = {chunk.event.chunk_id for chunk in cut(recording, "r", 2, "file:///x")}
    three = {chunk.event.chunk_id for chunk in cut(recording, "r", 3, "file:///x")}
    assert two == {"000000000-000002000", "000002000-000004000"}
    assert not two & three


def test_too_short_chunks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 0\.1"):
        next(cut(np.zeros(10, np.float32), "r", float("nan"), "file:///x"))


@pytest.mark.parametrize("recording_id", ["a b/../c", "..", "é?#%20", "r" * 300])
def test_any_recording_id_gets_a_folder_inside_the_destination(
    tmp_path: Path, recording_id: str
) -> None:
    prefix, put = destination(str(tmp_path / "with space"))
    (chunk,) = cut(np.zeros(1600, np.float32), recording_id, 1, prefix)
    put(chunk.event.uri, chunk.audio)
    stored = Path(unquote(urlsplit(chunk.event.uri).path)).resolve()
    assert stored.is_relative_to(tmp_path / "with space")
    assert stored.read_bytes() == chunk.audio


def test_a_bucket_by_url() -> None:
    prefix, put = destination("memory:///")
    assert prefix == "memory:"
    put(f"{prefix}/r/c.flac", b"x")


def test_recordings_of_one_name_get_different_ids(tmp_path: Path) -> None:
    for folder, content in (("a", b"1"), ("b", b"2"), ("c", b"1")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "talk.wav").write_bytes(content)
    a, b, c = (recording_id_of(tmp_path / folder / "talk.wav") for folder in "abc")
    assert a == c != b
    assert a.startswith("talk-")
