"""link(): the invariants it promises, on generated and on planted voices."""

import itertools
import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from producer_tools.clustering import cluster
from producer_tools.linking import LocalSpeaker, link
from producer_tools.voices import BEGINS_S
from schemas.records import ChunkResult, Fingerprint, Models, Source, Thresholds

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def voice(speaker: int, embedding: Sequence[float], speech_s: float = 3.0) -> Fingerprint:
    return Fingerprint(
        speaker=f"Speaker_{speaker}",
        embedding=tuple(embedding),
        speech_s=speech_s,
        clean=True,
        norm=1.0,
    )


def result(
    chunk: int,
    *voices: Fingerprint,
    recording: str = "r",
    status: str = "diarized",
    age: int = 0,
    threshold: float | None = 0.5,
    model: str = "titanet",
) -> ChunkResult:
    return ChunkResult(
        event_id=f"{recording}-{chunk}-{age}",
        result_id="",
        recording_id=recording,
        chunk_id=f"c{chunk}",
        sequence=chunk,
        start_s=30.0 * chunk,
        status=status,
        attempts=1,
        fingerprints=voices,
        models=Models(diarization="sortformer", embedding=model),
        thresholds=Thresholds(same_voice_cosine=threshold),
        source=Source(topic="t", partition=0, offset=age),
        processed_at=NOW + timedelta(seconds=age),
    )


X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
NEAR_X = (0.9, 0.1, 0.0)


def test_the_same_voice_in_two_chunks() -> None:
    voices = link([result(0, voice(0, X), voice(1, Y)), result(1, voice(0, Y), voice(1, NEAR_X))])
    assert voices.of("r", "c0", "Speaker_0") == voices.of("r", "c1", "Speaker_1") == "Voice_0"
    assert voices.of("r", "c0", "Speaker_1") == voices.of("r", "c1", "Speaker_0") == "Voice_1"
    assert voices.members("r") == {
        "Voice_0": [LocalSpeaker("r", "c0", "Speaker_0"), LocalSpeaker("r", "c1", "Speaker_1")],
        "Voice_1": [LocalSpeaker("r", "c0", "Speaker_1"), LocalSpeaker("r", "c1", "Speaker_0")],
    }


def test_two_speakers_of_one_chunk_stay_apart_even_when_equal() -> None:
    voices = link([result(0, voice(0, X), voice(1, X)), result(1, voice(0, X))])
    assert voices.of("r", "c0", "Speaker_0") != voices.of("r", "c0", "Speaker_1")
    assert voices.of("r", "c1", "Speaker_0") is not None


def test_the_mean_is_weighted_by_speech() -> None:
    """Y alone is too far from the pair (0.45), but not when its near half spoke far longer."""
    near, far = (1.0, 0.0, 0.0), (0.8, 0.0, -0.6)
    probe = (0.6, 0.8, 0.0)  # cosine 0.6 to near, 0.48 to far

    def same(near_s: float, far_s: float) -> bool:
        voices = link(
            [
                result(0, voice(0, near, near_s)),
                result(1, voice(0, far, far_s)),
                result(2, voice(0, probe)),
            ],
            threshold=0.55,
        )
        return voices.of("r", "c0", "Speaker_0") == voices.of("r", "c2", "Speaker_0")

    assert same(9.0, 1.0)  # 0.9 * 0.6 + 0.1 * 0.48 = 0.588
    assert not same(1.0, 9.0)  # 0.1 * 0.6 + 0.9 * 0.48 = 0.492


def test_the_newest_result_supersedes_in_whatever_order_they_come() -> None:
    old, new = result(0, voice(0, X), age=1), result(0, voice(0, Y), age=2)
    other = result(1, voice(0, Y))
    for order in itertools.permutations([old, new, other]):
        voices = link(order)
        assert voices.of("r", "c0", "Speaker_0") == voices.of("r", "c1", "Speaker_0") is not None


def test_a_newer_failure_leaves_the_chunk_without_voices() -> None:
    voices = link([result(0, voice(0, X), age=1), result(0, status="failed", age=2)])
    assert not voices.names


def test_recordings_and_models_are_never_mixed() -> None:
    voices = link(
        [
            result(0, voice(0, X), recording="a"),
            result(0, voice(0, X), recording="b"),
            result(1, voice(0, X), recording="b", model="other"),
        ]
    )
    assert voices.of("a", "c0", "Speaker_0") == "Voice_0"
    assert voices.of("b", "c0", "Speaker_0") != voices.of("b", "c1", "Speaker_0")


def test_without_any_threshold_it_says_so() -> None:
    with pytest.raises(ValueError, match="titanet"):
        link([result(0, voice(0, X), threshold=None)])
    assert link([result(0, voice(0, X), threshold=None)], threshold=0.5).names


def test_no_voice_for_who_has_no_fingerprint() -> None:
    voices = link([result(0), result(1, voice(0, (0.0, 0.0, 0.0)))])
    assert voices.of("r", "c0", "Speaker_0") is None
    assert voices.of("r", "c1", "Speaker_0") is None


SHORT = BEGINS_S - 0.1


def test_a_short_fingerprint_joins_whom_it_is_most_like_and_moves_nobody() -> None:
    long = [result(0, voice(0, X), voice(1, Y)), result(2, voice(0, NEAR_X))]
    between = (0.8, 0.6, 0.0)
    voices = link([*long, result(1, voice(0, between, SHORT))])
    assert voices.of("r", "c1", "Speaker_0") == voices.of("r", "c0", "Speaker_0") == "Voice_0"
    assert voices.of("r", "c2", "Speaker_0") == "Voice_0"


def test_a_short_fingerprint_that_is_like_nobody_begins_no_voice() -> None:
    voices = link([result(0, voice(0, X), voice(1, Z, SHORT)), result(1, voice(0, Z, SHORT))])
    assert voices.members("r") == {"Voice_0": [LocalSpeaker("r", "c0", "Speaker_0")]}


def test_a_short_fingerprint_never_joins_one_of_its_chunk() -> None:
    alone = link([result(0, voice(0, X), voice(1, X, SHORT))])
    assert alone.of("r", "c0", "Speaker_1") is None
    both = link([result(0, voice(0, X)), result(1, voice(0, X, SHORT), voice(1, NEAR_X, SHORT))])
    assert sorted(speaker.chunk_id for speaker in both.names) == ["c0", "c1"]


def test_where_all_are_short_they_begin_voices() -> None:
    voices = link([result(0, voice(0, X, SHORT), voice(1, Y, SHORT)), result(1, voice(0, X, 0.5))])
    assert voices.of("r", "c0", "Speaker_0") == voices.of("r", "c1", "Speaker_0") == "Voice_0"
    assert voices.of("r", "c0", "Speaker_1") == "Voice_1"


def test_voices_are_numbered_as_they_appear_short_ones_too() -> None:
    voices = link([result(0, voice(0, Y, SHORT)), result(1, voice(0, X), voice(1, Y))])
    assert voices.of("r", "c0", "Speaker_0") == voices.of("r", "c1", "Speaker_1") == "Voice_0"
    assert voices.of("r", "c1", "Speaker_0") == "Voice_1"


vectors = st.lists(st.floats(-1, 1), min_size=3, max_size=3).filter(
    lambda v: float(np.linalg.norm(v)) > 0.01
)
chunk_voices = st.lists(st.tuples(vectors, st.floats(0.5, 30)), max_size=4)
meetings = st.lists(chunk_voices, max_size=6).map(
    lambda chunks: [
        result(n, *(voice(i, v, s) for i, (v, s) in enumerate(voices)))
        for n, voices in enumerate(chunks)
    ]
)


def that_begin(meeting: list[ChunkResult]) -> set[LocalSpeaker]:
    """Who speaks long enough to begin a voice; all where nobody does."""
    seconds = {
        LocalSpeaker("r", chunk.chunk_id, found.speaker): found.speech_s
        for chunk in meeting
        for found in chunk.fingerprints
    }
    return {who for who, speech_s in seconds.items() if speech_s >= BEGINS_S} or set(seconds)


@given(meetings, st.floats(-1, 1))
def test_never_two_of_one_chunk_and_every_long_fingerprint_has_a_voice(
    meeting: list[ChunkResult], threshold: float
) -> None:
    voices = link(meeting, threshold)
    assert that_begin(meeting) <= set(voices.names)
    for members in voices.members("r").values():
        chunks = [member.chunk_id for member in members]
        assert len(chunks) == len(set(chunks))


@given(meetings, st.floats(-1, 1), st.randoms())
def test_order_does_not_matter(meeting: list[ChunkResult], threshold: float, random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(meeting)
    random.shuffle(shuffled)
    assert link(shuffled, threshold) == link(meeting, threshold)


@given(meetings)
def test_above_one_nothing_is_joined(meeting: list[ChunkResult]) -> None:
    voices = link(meeting, 1.001)
    assert set(voices.names) == that_begin(meeting)
    assert len(set(voices.names.values())) == len(voices.names)


@given(meetings, st.floats(-1, 1))
def test_what_is_left_apart_could_not_be_joined(
    meeting: list[ChunkResult], threshold: float
) -> None:
    """The definition, computed from scratch: no allowed pair of voices reaches the threshold, of
    those that begin voices.
    """
    voices, begin = link(meeting, threshold), that_begin(meeting)
    rows = {
        LocalSpeaker("r", chunk.chunk_id, found.speaker): (
            np.array(found.embedding) / np.linalg.norm(found.embedding),
            found.speech_s,
        )
        for chunk in meeting
        for found in chunk.fingerprints
    }
    members = [begin & {*voice} for voice in voices.members("r").values()]
    for one, two in itertools.combinations(members, 2):
        if {m.chunk_id for m in one} & {m.chunk_id for m in two}:
            continue
        pairs = [(rows[a], rows[b]) for a in one for b in two]
        total = sum(a[1] * b[1] for a, b in pairs)
        mean = sum(a[1] * b[1] * float(a[0] @ b[0]) for a, b in pairs) / total
        assert mean < threshold + 1e-9


def by_definition(
    rows: NDArray[np.float64], weights: NDArray[np.float64], groups: list[int], threshold: float
) -> list[set[int]]:
    """The clustering from the definition alone: all pairs of all clusters, again and again."""
    clusters = [{n} for n in range(len(rows))]

    def mean(one: set[int], two: set[int]) -> float:
        if {groups[a] for a in one} & {groups[b] for b in two}:
            return -math.inf
        pairs = [(weights[a] * weights[b], float(rows[a] @ rows[b])) for a in one for b in two]
        return float(sum(w * c for w, c in pairs) / sum(w for w, _ in pairs))

    while len(clusters) > 1:
        one, two = max(itertools.combinations(clusters, 2), key=lambda pair: mean(*pair))
        if mean(one, two) < threshold:
            break
        clusters = [c for c in clusters if c not in (one, two)] + [one | two]
    return clusters


@pytest.mark.parametrize("seed", range(20))
def test_equals_the_definition(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(16, 3))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    weights = random.uniform(0.5, 30, 16)
    groups = [n // 2 for n in range(16)]
    labels = cluster(rows, weights, groups, 0.2)
    found = [{n for n, label in enumerate(labels) if label == which} for which in set(labels)]
    expected = by_definition(rows, weights, groups, 0.2)
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))


def test_planted_voices_are_found_and_a_thousand_speakers_are_fast() -> None:
    random = np.random.default_rng(1)
    people = random.normal(size=(10, 192))
    people /= np.linalg.norm(people, axis=1, keepdims=True)
    truth = np.tile(np.arange(10), 100)  # 100 chunks with all ten in each
    rows = people[truth] + random.normal(size=(1000, 192)) * 0.05
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    begin = time.perf_counter()
    labels = cluster(rows, np.ones(1000), [n // 10 for n in range(1000)], 0.4)
    assert time.perf_counter() - begin < 20
    assert labels == truth.tolist()
