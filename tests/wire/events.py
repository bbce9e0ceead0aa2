"""One of each event with every field set; numbers that single precision holds exactly."""

from datetime import UTC, datetime

from schemas.records import (
    AudioChunk,
    ChunkResult,
    Fingerprint,
    Models,
    Record,
    Segment,
    Source,
    SpeakerFingerprint,
    SpeakerSegment,
    Thresholds,
)

MOMENT = datetime(2026, 1, 12, 9, 31, 7, 412_000, tzinfo=UTC)
EMBEDDING = (0.5, -0.5, 0.5, 0.5)

CHUNK = AudioChunk(
    recording_id="Besprechung-ä",
    chunk_id="c1",
    sequence=1,
    start_s=30.0,
    uri="s3://bucket/c1.flac",
    duration_s=29.9,
    size_bytes=5_000_000_000,
    sha256="ab" * 32,
    etag='"x"',
    version_id="v",
    content_type="audio/flac",
    channel=1,
    recorded_at=MOMENT,
    last=True,
    attributes={"room": "12"},
)
RESULT = ChunkResult(
    event_id="e",
    result_id="r",
    recording_id=CHUNK.recording_id,
    chunk_id="c1",
    sequence=1,
    start_s=30.0,
    last=True,
    status="diarized",
    attempts=1,
    duration_s=29.9,
    speakers_detected=("Speaker_0", "Speaker_1"),
    segments=(
        Segment(speaker="Speaker_0", start_s=0.24, end_s=1.5, confidence=0.75, overlap_ratio=0.25),
        Segment(speaker="Speaker_1", start_s=1.0, end_s=1.25, overlap_ratio=1.0),
    ),
    fingerprints=(
        Fingerprint(
            speaker="Speaker_0",
            embedding=EMBEDDING,
            speech_s=1.26,
            clean=True,
            cohesion=0.5,
            norm=1.5,
            confidence=0.75,
        ),
    ),
    speakers_without_fingerprint=("Speaker_1",),
    models=Models(diarization="d", embedding="e"),
    thresholds=Thresholds(same_voice_cosine=0.45),
    attributes={"room": "12"},
    source=Source(topic="audio-chunks", partition=3, offset=1842),
    processed_at=MOMENT,
)
SEGMENT = SpeakerSegment(
    event_id="e",
    result_id="r",
    recording_id="m",
    chunk_id="c1",
    sequence=1,
    index=0,
    speaker="Speaker_0",
    start_s=0.24,
    end_s=1.5,
    confidence=0.75,
    overlap_ratio=0.25,
    recording_start_s=30.24,
    recording_end_s=31.5,
    model="d",
)
FINGERPRINT = SpeakerFingerprint(
    event_id="e",
    result_id="r",
    recording_id="m",
    chunk_id="c1",
    sequence=1,
    speaker="Speaker_0",
    embedding=EMBEDDING,
    speech_s=1.26,
    clean=False,
    norm=1.5,
    model="e",
)
EVENTS: tuple[Record, ...] = (CHUNK, RESULT, SEGMENT, FINGERPRINT)
