"""Whether everything a subscriber is promised has arrived, once and whole."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from schemas.records import (
    AudioChunk,
    ChunkResult,
    Record,
    SpeakerFingerprint,
    SpeakerSegment,
)

_NORM_TOLERANCE = 1e-4


def complete(chunks: Sequence[AudioChunk], records: Sequence[Record]) -> bool:
    """Whether every chunk has a result and every result its flat events."""
    results = [record for record in records if isinstance(record, ChunkResult)]
    flat = sum(isinstance(record, SpeakerSegment | SpeakerFingerprint) for record in records)
    expected = sum(len(result.segments) + len(result.fingerprints) for result in results)
    return {c.chunk_id for c in chunks} <= {r.chunk_id for r in results} and flat >= expected


def problems(chunks: Sequence[AudioChunk], records: Sequence[Record]) -> list[str]:
    """What is missing, twice or out of range, one sentence each."""
    found = []
    results = [record for record in records if isinstance(record, ChunkResult)]
    counts = Counter(result.chunk_id for result in results)
    for chunk in chunks:
        if counts[chunk.chunk_id] != 1:
            found.append(f"chunk {chunk.chunk_id} has {counts[chunk.chunk_id]} results, not one")
    for result in results:
        if result.status != "diarized":
            found.append(f"chunk {result.chunk_id} {result.status}: {result.reason}")
        found += _out_of_range(result)
    found += _differences(
        "SpeakerSegment",
        (
            (r.result_id, index, segment.speaker, segment.start_s, segment.end_s)
            for r in results
            for index, segment in enumerate(r.segments)
        ),
        (
            (r.result_id, r.index, r.speaker, r.start_s, r.end_s)
            for r in records
            if isinstance(r, SpeakerSegment)
        ),
    )
    found += _differences(
        "SpeakerFingerprint",
        ((r.result_id, f.speaker, f.embedding) for r in results for f in r.fingerprints),
        (
            (r.result_id, r.speaker, r.embedding)
            for r in records
            if isinstance(r, SpeakerFingerprint)
        ),
    )
    return found


def _differences(kind: str, nested: Iterable[object], flat: Iterable[object]) -> list[str]:
    expected, seen = Counter(nested), Counter(flat)
    found = []
    if missing := (expected - seen).total():
        found.append(f"{missing} {kind} events of the chunk results are missing")
    if extra := (seen - expected).total():
        found.append(f"{extra} {kind} events are in no chunk result, or came twice")
    return found


def _out_of_range(result: ChunkResult) -> list[str]:
    found = [
        f"chunk {result.chunk_id}: a confidence of {segment.confidence} is not within 0 and 1"
        for segment in result.segments
        if segment.confidence is not None and not 0 <= segment.confidence <= 1
    ]
    for fingerprint in result.fingerprints:
        norm = math.hypot(*fingerprint.embedding)
        if abs(norm - 1) > _NORM_TOLERANCE:
            found.append(
                f"chunk {result.chunk_id}: the fingerprint of {fingerprint.speaker} has length "
                f"{norm}, not 1"
            )
    return found
