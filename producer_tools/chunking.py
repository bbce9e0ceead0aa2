"""Cutting a recording into chunks: objects to store, and the events that refer to them."""

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import soundfile

from consumer.audio.decode import DecodeLimits, decode
from consumer.inference.results import SAMPLE_RATE, Waveform
from schemas.records import AudioChunk

MAX_RECORDING_S = 12 * 3600.0
_DIGEST_CHARACTERS = 8
_SHORTEST_S = 0.1
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class CutChunk:
    """One chunk: the event, and the bytes its `uri` must lead to."""

    event: AudioChunk
    audio: bytes


def recording_id_of(path: Path) -> str:
    """File name and a digest of the content: two different files never share an id."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{path.stem}-{digest[:_DIGEST_CHARACTERS]}"


def load(path: Path) -> Waveform:
    """A recording as 16 kHz mono, shape (samples,), float32.

    Raises:
        consumer.errors.PermanentError: it is no audio that can be decoded.
    """
    return decode(path.read_bytes(), limits=DecodeLimits(max_duration_s=MAX_RECORDING_S))


def cut(waveform: Waveform, recording_id: str, chunk_s: float, prefix: str) -> Iterator[CutChunk]:
    """FLAC chunks of `chunk_s` seconds (the last is shorter) under the URL `prefix`.

    A chunk's id is its place in the recording in milliseconds: cutting again gives the same ids,
    cutting differently gives others.

    Raises:
        ValueError: `chunk_s` is under 0.1 s.
    """
    if not chunk_s >= _SHORTEST_S:
        raise ValueError(f"chunks of {chunk_s} s are too short; use at least {_SHORTEST_S}")
    folder = f"{prefix.rstrip('/')}/{_folder(recording_id)}"
    length = round(chunk_s * SAMPLE_RATE)
    starts = range(0, len(waveform), length)
    for sequence, start in enumerate(starts):
        samples = waveform[start : start + length]
        start_s, duration_s = start / SAMPLE_RATE, len(samples) / SAMPLE_RATE
        chunk_id = f"{round(start_s * 1000):09d}-{round((start_s + duration_s) * 1000):09d}"
        audio = _flac(samples)
        event = AudioChunk(
            recording_id=recording_id,
            chunk_id=chunk_id,
            sequence=sequence,
            start_s=start_s,
            duration_s=duration_s,
            uri=f"{folder}/{chunk_id}.flac",
            size_bytes=len(audio),
            sha256=hashlib.sha256(audio).hexdigest(),
            content_type="audio/flac",
            last=start == starts[-1],
        )
        yield CutChunk(event, audio)


def _folder(recording_id: str) -> str:
    """A folder of its own for any id, the same in a URL, a bucket and a file system."""
    safe = _UNSAFE.sub("_", recording_id)[:100].strip(".")
    if safe == recording_id:
        return safe
    return f"{safe}-{hashlib.sha256(recording_id.encode()).hexdigest()[:_DIGEST_CHARACTERS]}"


def _flac(samples: Waveform) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()
