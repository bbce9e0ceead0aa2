"""One example of every event, made by the service's own functions: what docs/events.md shows.

`python -m tests.unit.docs.example_events` writes the page's examples anew. Single precision holds
their numbers exactly, so that every language prints the same ones.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from consumer import event_ids, projections
from consumer.dead_letters import dead_letter
from consumer.errors import Reason
from consumer.inference import checkpoints
from consumer.inference.checkpoints import COMPACT
from consumer.inference.results import Models as Checkpoints
from consumer.records import InputRecord, Ticket
from schemas.codec import Decoder, Encoder
from schemas.records import (
    AudioChunk,
    ChunkResult,
    Fingerprint,
    Models,
    Segment,
    Source,
    SpeakerFingerprint,
    SpeakerSegment,
    Thresholds,
)

_COMPACT = Path(checkpoints.__file__).with_name(COMPACT)
PAGE = Path(__file__).parents[3] / "docs" / "events.md"
_CARD = json.loads((_COMPACT / "card.json").read_text(encoding="utf-8"))
_VERSION = version("speakerstream")
_CHECKPOINTS = Checkpoints(
    _CARD["diarizer"]["name"],
    _CARD["embedder"]["name"],
    "aa" * 32,
    "bb" * 32,
    _CARD["embedder"]["same_voice_cosine"],
    _CARD["diarizer"]["uncertain_confidence"],
    "cc" * 32,
)
_MOMENT = datetime(2026, 1, 12, 9, 31, 7, 412_000, tzinfo=UTC)
_TOPIC = "audio-chunks"

CHUNK = AudioChunk(
    recording_id="standup-2026-01-12",
    chunk_id="000030000-000060000",
    sequence=1,
    start_s=30.0,
    duration_s=30.0,
    uri="s3://recordings/standup-2026-01-12/000030000-000060000.flac",
    size_bytes=482_113,
    sha256="5f0c" * 16,
    content_type="audio/flac",
    recorded_at=datetime(2026, 1, 12, 9, 30, 30, tzinfo=UTC),
    attributes={"room": "12"},
)
_RESULT_ID = event_ids.result_id(CHUNK, _CHECKPOINTS, _VERSION)
RESULT = ChunkResult(
    event_id=event_ids.event_ids(str(_RESULT_ID), "ChunkResult", 1)[0],
    result_id=str(_RESULT_ID),
    recording_id=CHUNK.recording_id,
    chunk_id=CHUNK.chunk_id,
    sequence=CHUNK.sequence,
    start_s=CHUNK.start_s,
    status="diarized",
    attempts=1,
    duration_s=30.0,
    speakers_detected=("Speaker_0", "Speaker_1"),
    segments=(
        Segment(
            speaker="Speaker_0", start_s=0.24, end_s=12.8, confidence=0.875, overlap_ratio=0.0625
        ),
        Segment(
            speaker="Speaker_1", start_s=12.56, end_s=13.12, confidence=0.625, overlap_ratio=0.4375
        ),
    ),
    fingerprints=(
        Fingerprint(
            speaker="Speaker_0",
            embedding=(0.5, -0.5, 0.5, 0.5),
            speech_s=12.3,
            clean=True,
            cohesion=0.9375,
            norm=1.75,
            confidence=0.875,
        ),
    ),
    speakers_without_fingerprint=("Speaker_1",),
    models=Models(diarization=_CHECKPOINTS.diarization, embedding=_CHECKPOINTS.embedding),
    thresholds=Thresholds(
        same_voice_cosine=_CHECKPOINTS.same_voice_cosine,
        uncertain_confidence=_CHECKPOINTS.uncertain_confidence,
    ),
    attributes=CHUNK.attributes,
    source=Source(topic=_TOPIC, partition=3, offset=1842),
    processed_at=_MOMENT,
)
FAILED = ChunkResult(
    event_id=event_ids.failed_event_id(_RESULT_ID, Reason.TRUNCATED_AUDIO),
    result_id=str(_RESULT_ID),
    recording_id=CHUNK.recording_id,
    chunk_id=CHUNK.chunk_id,
    sequence=CHUNK.sequence,
    start_s=CHUNK.start_s,
    status="failed",
    reason=Reason.TRUNCATED_AUDIO.value,
    attempts=1,
    models=RESULT.models,
    thresholds=RESULT.thresholds,
    attributes=CHUNK.attributes,
    source=RESULT.source,
    processed_at=_MOMENT,
)


def flat(result: ChunkResult) -> tuple[SpeakerSegment, SpeakerFingerprint]:
    """The first segment and the first fingerprint of a result, as a subscriber reads them."""
    first = {
        kind: Decoder().decode(Encoder().header(kind) + body, kind)
        for kind, body in reversed(projections.events(result))
    }
    segment, fingerprint = first[SpeakerSegment], first[SpeakerFingerprint]
    assert isinstance(segment, SpeakerSegment)
    assert isinstance(fingerprint, SpeakerFingerprint)
    return segment, fingerprint


def examples() -> dict[str, str]:
    """The examples as JSON, by the heading they stand under."""
    segment, fingerprint = flat(RESULT)
    events = {
        "AudioChunk": CHUNK,
        "ChunkResult": RESULT,
        "ChunkResult of a failure": FAILED,
        "SpeakerSegment": segment,
        "SpeakerFingerprint": fingerprint,
    }
    return {name: _json(event.to_avro()) for name, event in events.items()} | {
        "Dead letter": _json(_letter())
    }


def page(before: str) -> str:
    """The page with its examples made anew."""
    for heading, text in examples().items():
        pattern = rf"(^## {heading}\n.*?```json\n).*?(^```$)"
        put = rf"\g<1>{text}\n\g<2>"
        before, count = re.subn(pattern, put, before, flags=re.MULTILINE | re.DOTALL)
        assert count == 1, f"docs/events.md has no example under {heading}"
    return before


def _letter() -> dict[str, object]:
    record = InputRecord(
        Ticket(3, 0, 1842), _TOPIC, CHUNK.recording_id.encode(), b"", (), 1_768_210_261_007
    )
    letter = dead_letter(
        record,
        "audio-chunks.dead-letters",
        Reason.TRUNCATED_AUDIO,
        "the FLAC header promises 480000 frames, 217000 came",
        _VERSION,
        1_000_000,
    )
    return {
        "key": CHUNK.recording_id,
        "value": "(the bytes of the input record)",
        "headers": {name: (value or b"").decode() for name, value in letter.headers},
    }


def _json(datum: Mapping[str, object]) -> str:
    return json.dumps(_shown(datum), indent=2, ensure_ascii=False)


def _shown(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat(timespec="milliseconds")
        case dict():
            return {name: _shown(item) for name, item in value.items()}
        case list() | tuple():
            return [_shown(item) for item in value]
    return value


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
