"""The demo as its user sees it: the sample meeting through the compact checkpoints."""

import json
import math
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from producer_tools import demo
from producer_tools.labels import OnlineLinker
from producer_tools.report.events import read_events
from producer_tools.rttm import Turn, read
from producer_tools.voices import BEGINS_S
from schemas.records import ChunkResult
from tests.brokers.fixtures import Broker
from tests.integration.tools.test_demo import SOON

REFERENCE = Path(demo.__file__).parent / "sample" / "meeting.rttm"
CHUNKS = 5
PURE = 0.8  # share of a local speaker's speech that is one voice of the reference

Value = dict[str, Any]


@pytest.fixture(scope="module")
def lines(embedded_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """events.jsonl."""
    folder = tmp_path_factory.mktemp("demo")
    demo.run(embedded_broker.bootstrap, folder, SOON)
    return folder / "events.jsonl"


@pytest.fixture(scope="module")
def events(lines: Path) -> list[Value]:
    """Its lines."""
    return [json.loads(line) for line in lines.read_text().splitlines()]


@pytest.fixture(scope="module")
def results(events: list[Value]) -> list[Value]:
    """ChunkResults in order."""
    found = [event["value"] for event in events if event["type"] == "ChunkResult"]
    return sorted(found, key=lambda result: int(result["sequence"]))


def test_every_chunk_has_exactly_one_result(results: list[Value]) -> None:
    assert [result["sequence"] for result in results] == list(range(CHUNKS))
    assert {result["status"] for result in results} == {"diarized"}


@pytest.mark.parametrize(
    ("projection", "nested"),
    [("SpeakerSegment", "segments"), ("SpeakerFingerprint", "fingerprints")],
)
def test_projections_equal_the_results(
    events: list[Value], results: list[Value], projection: str, nested: str
) -> None:
    flat = defaultdict(list)
    for event in events:
        if event["type"] == projection:
            flat[event["value"]["result_id"]].append(event["value"])
    assert any(result[nested] for result in results)
    for result in results:
        own = sorted(flat[result["result_id"]], key=lambda value: value.get("index", 0))
        assert [{name: value[name] for name in item} for value, item in
                zip(own, result[nested], strict=True)] == result[nested]  # fmt: skip


def test_confidences_are_probabilities_or_null(results: list[Value]) -> None:
    for result in results:
        for segment in result["segments"]:
            assert segment["confidence"] is None or 0 <= segment["confidence"] <= 1


def test_embeddings_are_unit_vectors_of_192(results: list[Value]) -> None:
    for result in results:
        for fingerprint in result["fingerprints"]:
            assert len(fingerprint["embedding"]) == 192
            assert math.hypot(*fingerprint["embedding"]) == pytest.approx(1, abs=1e-4)


def test_voices_lie_apart_and_the_same_voice_near(results: list[Value]) -> None:
    """By the published threshold, for local speakers that are mostly one voice."""
    turns = read(REFERENCE.read_text())
    voices = [
        (voice, np.array(fingerprint["embedding"]))
        for result in results
        for fingerprint in result["fingerprints"]
        if (voice := _voice(turns, result, fingerprint["speaker"]))
    ]
    threshold = results[0]["thresholds"]["same_voice_cosine"]
    pairs = [
        (one[0] == other[0], float(one[1] @ other[1])) for one, other in combinations(voices, 2)
    ]
    assert {same for same, _ in pairs} == {True, False}
    for same, cosine in pairs:
        assert (cosine >= threshold) == same, (cosine, threshold)


@pytest.mark.parametrize("order", [list, lambda r: r[::-1]], ids=["in order", "backwards"])
def test_the_reference_subscriber_recovers_the_right_voices(
    lines: Path, results: list[Value], order: Callable[[list[ChunkResult]], list[ChunkResult]]
) -> None:
    """Of all local speakers with a fingerprint that are mostly one voice: each under one label, but
    those of little speech that no voice could take.
    """
    linker = OnlineLinker()
    said: dict[tuple[str, str], str] = {}
    for result in order(read_events(lines).results):
        for labels in linker.add(result):
            said |= {(labels.chunk_id, local): voice for local, voice in labels.labels.items()}
    turns = read(REFERENCE.read_text())
    heard = [
        (person, said.get((result["chunk_id"], fingerprint["speaker"])), fingerprint["speech_s"])
        for result in results
        for fingerprint in result["fingerprints"]
        if (person := _voice(turns, result, fingerprint["speaker"]))
    ]
    assert all(voice or speech_s < BEGINS_S for _, voice, speech_s in heard)
    pairs = {(person, voice) for person, voice, _ in heard if voice}
    people = {turn.speaker for turn in turns}
    assert {person for person, _ in pairs} == people
    assert len({voice for _, voice in pairs}) == len(pairs) == len(people) == 3
    assert set(said.values()) == {voice for _, voice in pairs}  # and no voice besides


def _voice(turns: list[Turn], result: Value, speaker: str) -> str | None:
    """The reference's name of a local speaker, None where it is a mixture."""
    shared: dict[str, float] = defaultdict(float)
    for segment in result["segments"]:
        start = result["start_s"] + segment["start_s"]
        end = result["start_s"] + segment["end_s"]
        for turn in turns if segment["speaker"] == speaker else ():
            both = min(end, turn.start_s + turn.duration_s) - max(start, turn.start_s)
            shared[turn.speaker] += max(0.0, both)
    if not shared:
        return None
    best = max(shared, key=lambda name: shared[name])
    return best if shared[best] >= PURE * sum(shared.values()) else None
