"""Packed arrays of floats are, byte for byte, what fastavro writes of the same numbers."""

import io
import struct
from typing import Any

import pytest
from fastavro import schemaless_writer

from schemas import catalogue, packing

VOICE = [0.25, -1.0, 3.0e38, 0.1]
FINGERPRINT = {
    "speaker": "Speaker_0",
    "speech_s": 3.0,
    "clean": True,
    "cohesion": None,
    "norm": 2.0,
    "confidence": 0.5,
}
COMMON = {
    "event_id": "e",
    "result_id": "r",
    "recording_id": "réunion",
    "chunk_id": "c",
    "sequence": 0,
}


def result(*embeddings: Any) -> dict[str, Any]:
    found = [{**FINGERPRINT, "embedding": each} for each in embeddings]
    return {
        **COMMON,
        "start_s": 0.0,
        "status": "diarized",
        "attempts": 1,
        "segments": [],
        "fingerprints": found,
        "models": {"diarization": "d", "embedding": "e"},
        "thresholds": {"same_voice_cosine": None, "uncertain_confidence": None},
        "source": {"topic": "t", "partition": 0, "offset": 0},
        "processed_at": 0,
    }


def flat(embedding: Any) -> dict[str, Any]:
    return {**COMMON, **FINGERPRINT, "embedding": embedding, "model": "e"}


def written(schema: Any, datum: Any) -> bytes:
    buffer = io.BytesIO()
    schemaless_writer(buffer, schema, datum)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "datum", "packs"),
    [
        ("SpeakerFingerprint", flat(VOICE), True),
        ("SpeakerFingerprint", flat(VOICE * 48), True),  # a count of two bytes
        ("SpeakerFingerprint", flat([]), True),
        ("ChunkResult", result(VOICE, VOICE[::-1]), True),
        ("ChunkResult", result(VOICE, VOICE[:3]), False),
        ("ChunkResult", result(), False),
    ],
)
def test_the_bytes_are_fastavros(name: str, datum: dict[str, Any], packs: bool) -> None:
    schema, packed = packing.pack(name, datum)
    assert (schema is not catalogue.current(name)) == packs
    assert written(schema, packed) == written(catalogue.current(name), datum)


@pytest.mark.parametrize(("number", "error"), [("x", struct.error), (1e39, OverflowError)])
def test_what_is_no_single_precision_number_is_refused(number: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        packing.pack("SpeakerFingerprint", flat([number]))
