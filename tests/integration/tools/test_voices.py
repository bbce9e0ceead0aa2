"""The reference subscriber on the sample meeting: the right voices, from real fingerprints.

Who speaks when within a chunk is taken from the reference, so that this shows fingerprints,
published threshold and linking; what the small diarizer adds in errors, the demo's figures say.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import producer_tools
from consumer.event_content import fingerprints, segments
from consumer.inference.checkpoints import resolve
from consumer.inference.fingerprints import collect, combine
from consumer.inference.results import SAMPLE_RATE, Analysis, Segment, Waveform
from consumer.inference.titanet import TitaNet
from producer_tools import rttm
from producer_tools.labels import OnlineLinker
from producer_tools.publish.cutting import Cutting, Piece, plan
from producer_tools.publish.recordings import load
from schemas.records import ChunkResult, Models, Source, Thresholds

pytestmark = pytest.mark.parts  # loads a model

SAMPLE = Path(producer_tools.__file__).parent / "sample"
FRAME_S = 0.01

Talk = tuple[str, float, float]


def spoken(piece: Piece) -> Iterator[Talk]:
    """Who speaks from when to when, seconds within a chunk, by the reference."""
    begin, end = piece.start / SAMPLE_RATE, piece.stop / SAMPLE_RATE
    for turn in rttm.read((SAMPLE / "meeting.rttm").read_text(encoding="utf-8")):
        since, until = max(turn.start_s, begin), min(turn.start_s + turn.duration_s, end)
        if until > since:
            yield turn.speaker, since - begin, until - begin


def local(talks: list[Talk], turned: bool) -> dict[str, int]:
    """Local numbers of a chunk's speakers, the other way round in every second chunk."""
    names = sorted({name for name, _, _ in talks}, reverse=turned)
    return {name: number for number, name in enumerate(names)}


def analysed(embedder: TitaNet, waveform: Waveform, talks: list[Talk], who: dict[str, int]) -> (
    Analysis
):  # fmt: skip
    duration = len(waveform) / SAMPLE_RATE
    probabilities = np.zeros((round(duration / FRAME_S), 4), np.float32)
    for name, since, until in talks:
        probabilities[round(since / FRAME_S) : round(until / FRAME_S), who[name]] = 1.0
    found = tuple(Segment(who[name], since, until, 1.0, 0.0) for name, since, until in talks)
    speech = collect(waveform, probabilities, found, 0.5, FRAME_S)
    voices = [combine(s, np.stack(embedder.embed(s.windows))) for s in speech]
    return Analysis(duration, found, tuple(voice for voice in voices if voice is not None))


@pytest.fixture(scope="module")
def meeting() -> tuple[list[ChunkResult], dict[tuple[str, str], str]]:
    """The results of its chunks, and who each local speaker with a fingerprint is."""
    checkpoint = resolve("compact", "embedder")
    embedder = TitaNet(checkpoint, "cpu", bf16=False)
    waveform = load((SAMPLE / "meeting.ogg").read_bytes())
    results = list[ChunkResult]()
    persons = dict[tuple[str, str], str]()
    for piece in plan(waveform, "meeting", Cutting(30.0)):
        talks = list(spoken(piece))
        who = local(talks, turned=piece.sequence % 2 == 1)
        analysis = analysed(embedder, waveform[piece.start : piece.stop], talks, who)
        results.append(
            ChunkResult(
                event_id=piece.chunk_id,
                result_id=piece.chunk_id,
                recording_id="meeting",
                chunk_id=piece.chunk_id,
                sequence=piece.sequence,
                start_s=piece.start / SAMPLE_RATE,
                last=piece.last,
                status="diarized",
                attempts=1,
                duration_s=analysis.duration_s,
                segments=segments(analysis, analysis.duration_s),
                fingerprints=fingerprints(analysis),
                models=Models(diarization="reference", embedding="compact"),
                thresholds=Thresholds(same_voice_cosine=checkpoint.card.same_voice_cosine),
                source=Source(topic="in", partition=0, offset=piece.sequence),
                processed_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
        )
        named = {f"Speaker_{number}": name for name, number in who.items()}
        persons |= {(piece.chunk_id, f.speaker): named[f.speaker] for f in results[-1].fingerprints}
    return results, persons


@pytest.mark.parametrize("order", [list, lambda r: r[::-1]], ids=["in order", "backwards"])
def test_the_right_voices_are_recovered(
    meeting: tuple[list[ChunkResult], dict[tuple[str, str], str]],
    order: Callable[[list[ChunkResult]], list[ChunkResult]],
) -> None:
    results, persons = meeting
    linker = OnlineLinker()
    said: dict[tuple[str, str], str] = {}
    for result in order(results):
        for labels in linker.add(result):
            said |= {(labels.chunk_id, local): voice for local, voice in labels.labels.items()}
    assert said.keys() == persons.keys()
    pairs = {(persons[speaker], voice) for speaker, voice in said.items()}
    assert len(pairs) == len({person for person, _ in pairs}) == len({voice for _, voice in pairs})
    assert len(pairs) == 3
