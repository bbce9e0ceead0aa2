"""Cutting and finding recordings: nothing lost, nothing twice, the same ids and bytes again."""

import hashlib
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.audio.decode import decode
from producer_tools.publish.cutting import Cutting, plan
from producer_tools.publish.encoding import Codec, encode
from producer_tools.publish.publication import Publication
from producer_tools.publish.recordings import find, recording_id
from producer_tools.publisher import ChunkPublisher
from producer_tools.stores import Destination, destination
from schemas.records import AudioChunk

RATE = 16_000


class Stored:
    """Publishes to memory."""

    def __init__(self) -> None:
        self.events: list[AudioChunk] = []
        self.objects: dict[str, bytes] = {}

    def publish(self, chunk: AudioChunk) -> None:
        assert chunk.uri in self.objects, "published before it was stored"
        self.events.append(chunk)

    def publication(self, cutting: Cutting, **how: Any) -> Publication:
        to = Destination("file:///x", self.objects.__setitem__)
        return Publication(cast(ChunkPublisher, self), to, cutting, **how)


def noise(samples: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).uniform(-0.9, 0.9, samples).astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 80_000), st.floats(0.1, 6.0))
def test_the_chunks_are_the_recording(samples: int, chunk_s: float) -> None:
    recording = noise(samples)
    stored = Stored()
    publication = stored.publication(Cutting(chunk_s), parallel=3)
    events = list(publication.publish(recording, publication.pieces(recording, "r", frozenset())))
    whole = np.concatenate([decode(stored.objects[event.uri]) for event in events])
    np.testing.assert_allclose(whole, recording, atol=2**-15)
    assert [event.sequence for event in events] == list(range(len(events)))
    assert [event.last for event in events] == [False] * (len(events) - 1) + [True]
    position = 0.0
    for event in events:
        assert event.start_s == pytest.approx(position)
        position += event.duration_s or 0
        assert event.size_bytes == len(stored.objects[event.uri])
        assert event.sha256 == hashlib.sha256(stored.objects[event.uri]).hexdigest()
    assert position == pytest.approx(samples / RATE)
    assert stored.events == events
    again = publication.pieces(recording, "r", frozenset())
    assert events == list(publication.publish(recording, again))


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 200_000),
    st.floats(0.6, 4.0),
    st.floats(0.0, 0.2),
    st.floats(0.0, 0.2),
)
def test_overlap_and_tolerance_by_definition(
    samples: int, chunk_s: float, overlap_s: float, tolerance_s: float
) -> None:
    cutting = Cutting(chunk_s, overlap_s, tolerance_s)
    pieces = plan(noise(samples), "r", cutting)
    assert (pieces[0].start, pieces[-1].stop) == (0, samples)
    assert len({piece.chunk_id for piece in pieces}) == len(pieces)
    for one, two in pairwise(pieces):
        assert one.stop - two.start == round(overlap_s * RATE)
        assert abs(one.stop - one.start - chunk_s * RATE) <= tolerance_s * RATE + 1
    assert pieces[-1].stop - pieces[-1].start <= (chunk_s + tolerance_s) * RATE + 2


def test_cuts_fall_into_silences_that_are_near_enough() -> None:
    talk = noise(RATE * 14)
    for begin, end in ((4.7, 5.1), (9.0, 9.4)):  # the second is out of reach of the next cut
        talk[round(begin * RATE) : round(end * RATE)] *= 0.001
    first, second, third = plan(talk, "r", Cutting(chunk_s=5.0, tolerance_s=0.5))
    assert 4.8 <= first.stop / RATE <= 5.0  # the whole window around the cut is silent
    assert abs(second.stop / RATE - (first.stop / RATE + 5.0)) <= 0.5
    assert third.stop == len(talk)
    (straight, *_) = plan(talk, "r", Cutting(chunk_s=5.0))
    assert straight.stop == 5 * RATE
    silence = np.zeros(RATE * 14, np.float32)
    assert plan(silence, "r", Cutting(5.0, tolerance_s=1.0))[0].stop == 5 * RATE  # the nearest


def test_another_length_gives_other_ids() -> None:
    recording = np.zeros(RATE * 4, np.float32)
    two = {piece.chunk_id for piece in plan(recording, "r", Cutting(2))}
    three = {piece.chunk_id for piece in plan(recording, "r", Cutting(3))}
    assert two == {"000000000-000002000", "000002000-000004000"}
    assert not two & three


@pytest.mark.parametrize(
    "how",
    [(0.05,), (float("nan"),), (float("inf"),), (1, 0.95), (1, 0.5, 0.45), (1, -1), (1, 0, -1)],
)
def test_chunks_that_bring_nothing_new_are_refused(how: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"at least 0\.1|not negative"):
        Cutting(*how)


@pytest.mark.parametrize("samples", [1, 500, RATE * 3 + 123, RATE * 30])
@pytest.mark.parametrize("codec", list(Codec))
def test_encoding_again_gives_the_same_bytes_of_the_same_length(samples: int, codec: Codec) -> None:
    tone = (0.5 * np.sin(np.arange(samples) * 440 * 2 * np.pi / RATE)).astype(np.float32)
    content = encode(tone, codec)
    assert encode(tone, codec) == content
    decoded = decode(content)
    assert len(decoded) == samples
    if samples > RATE:
        assert np.corrcoef(decoded, tone)[0, 1] > 0.99
    if codec is Codec.OPUS and samples == RATE * 30:
        assert len(content) < len(encode(noise(samples), Codec.FLAC)) / 4


def test_chunks_that_are_there_are_left_out() -> None:
    recording = noise(RATE * 5)
    stored = Stored()
    publication = stored.publication(Cutting(2))
    done = frozenset({("r", "000002000-000004000"), ("other", "000000000-000002000")})
    events = list(publication.publish(recording, publication.pieces(recording, "r", done)))
    assert [(event.sequence, event.last) for event in events] == [(0, False), (2, True)]


def test_chunks_are_stored_in_parallel_and_published_in_order() -> None:
    """Each of four chunks waits until all four have begun."""
    together = threading.Barrier(4, timeout=30)
    stored = Stored()

    def put(url: str, content: bytes) -> None:
        together.wait()
        stored.objects[url] = content

    publication = Publication(
        cast(ChunkPublisher, stored), Destination("file:///x", put), Cutting(1), parallel=4
    )
    recording = noise(RATE * 8)
    pieces = publication.pieces(recording, "r", frozenset())
    assert [e.sequence for e in publication.publish(recording, pieces)] == list(range(8))


@pytest.mark.parametrize("name", ["a b/../c", "..", "é?#%20", "r" * 300])
def test_any_recording_id_gets_a_folder_inside_the_destination(tmp_path: Path, name: str) -> None:
    to = destination(str(tmp_path / "with space"))
    stored = Stored()
    publication = Publication(cast(ChunkPublisher, stored), to, Cutting(1))
    silence = np.zeros(1600, np.float32)
    stored.publish = lambda chunk: None  # type: ignore[method-assign]
    (event,) = publication.publish(silence, publication.pieces(silence, name, frozenset()))
    path = Path(unquote(urlsplit(event.uri).path)).resolve()
    assert path.is_relative_to(tmp_path / "with space")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == event.sha256


def test_a_bucket_by_url() -> None:
    to = destination("memory:///")
    assert to.prefix == "memory:"
    to.put(f"{to.prefix}/r/c.flac", b"x")


@pytest.fixture
def talks(tmp_path: Path) -> Callable[[str], list[str]]:
    """Finds files below a folder by what is written after it."""
    for name in ("a.wav", "b.wav", "c[1].wav", "d.ogg", "below/e.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return lambda pattern: [
        Path(recording.name).relative_to(tmp_path).as_posix()
        for recording in find(f"{tmp_path}/{pattern}")
    ]


def test_files_and_globs(talks: Callable[[str], list[str]], monkeypatch: pytest.MonkeyPatch,
                         tmp_path: Path) -> None:  # fmt: skip
    assert talks("a.wav") == ["a.wav"]
    assert talks("*.wav") == ["a.wav", "b.wav", "c[1].wav"]
    assert talks("**/*.wav") == ["a.wav", "b.wav", "below/e.wav", "c[1].wav"]
    assert talks("c[1].wav") == ["c[1].wav"]
    monkeypatch.chdir(tmp_path)
    assert [recording.stem for recording in find("*.ogg")] == ["d"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [("*.mp3", "no recording matches"), ("below", "is a folder"), ("z.wav", "no recording")],
)
def test_what_is_no_recording_is_said(
    talks: Callable[[str], list[str]], name: str, problem: str
) -> None:
    with pytest.raises((ValueError, LookupError), match=problem):
        talks(name)


def test_a_url_of_no_store_is_said() -> None:
    with pytest.raises(ValueError, match="no bucket"):
        find("https://example.org/a.wav")


def test_recordings_of_one_name_get_different_ids(tmp_path: Path) -> None:
    ids = []
    for folder, content in (("a", b"1"), ("b", b"2"), ("c", b"1")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "talk.wav").write_bytes(content)
        (found,) = find(str(tmp_path / folder / "talk.wav"))
        ids.append(recording_id(found, found.read()))
    a, b, c = ids
    assert a == c != b
    assert a.startswith("talk-")
