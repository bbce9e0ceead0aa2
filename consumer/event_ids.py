"""Ids that a replay repeats: UUIDv5 over the JSON of what was done, never over when.

JSON here has no spaces and no escapes for non-ASCII, so that anybody can compute the same ids.
"""

import hashlib
import json
import uuid
from collections.abc import Sequence

from consumer.errors import Reason
from consumer.inference.results import Models
from consumer.records import InputRecord
from schemas.records import AudioChunk

NAMESPACE = uuid.UUID("6f1f6a3e-52d5-4b0e-9a52-1c8e0e4c7a91")
"""Fixed for ever: another one would rename every result."""


def result_id(chunk: AudioChunk, models: Models, version: str) -> uuid.UUID:
    """Id of the work on a chunk: the chunk, both checkpoints, post-processing, major version."""
    major = version.partition(".")[0]
    how = hashlib.sha256(_json([models.postprocessing_sha256, major])).hexdigest()
    checkpoints = [models.diarization_sha256, models.embedding_sha256]
    return _uuid(NAMESPACE, [chunk.recording_id, chunk.chunk_id, *checkpoints, how])


def unreadable_result_id(record: InputRecord) -> uuid.UUID:
    """Id for an event that names no chunk: its place in the log, so that no two share one.

    Its array has other members than `result_id`'s, so the two never meet.
    """
    place = [record.topic, record.ticket.partition, record.ticket.offset]
    return _uuid(NAMESPACE, ["unreadable", *place])


def event_id(result: uuid.UUID, record_type: str, index: int) -> str:
    """Id of one event of a result."""
    return str(_uuid(result, [record_type, index]))


def failed_event_id(result: uuid.UUID, reason: Reason) -> str:
    """Id of a failed ChunkResult.

    Unlike that of a success: a chunk that failed and is replayed keeps its result_id, and a
    subscriber that drops ids it has seen must not drop the answer.
    """
    return str(_uuid(result, ["ChunkResult", 0, "failed", reason]))


def _uuid(namespace: uuid.UUID, parts: Sequence[object]) -> uuid.UUID:
    return uuid.uuid5(namespace, _json(parts).decode())


def _json(parts: Sequence[object]) -> bytes:
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()
