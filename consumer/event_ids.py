"""Ids that a replay repeats: UUIDv5 over the JSON of what was done, never over when.

JSON here has no spaces and no escapes for non-ASCII, so that anybody can compute the same ids.
"""

import hashlib
import json
import uuid
from collections.abc import Sequence
from functools import cache
from hashlib import sha1

from consumer.errors import Reason
from consumer.inference.results import Models
from consumer.records import InputRecord
from schemas.records import AudioChunk

NAMESPACE = uuid.UUID("6f1f6a3e-52d5-4b0e-9a52-1c8e0e4c7a91")
"""Fixed for ever: another one would rename every result."""

# Of RFC 9562: the digit's two upper bits are 1 and 0.
_VARIANT = {f"{digit:x}": f"{digit & 3 | 8:x}" for digit in range(16)}

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def result_id(chunk: AudioChunk, models: Models, version: str) -> uuid.UUID:
    """Id of the work on a chunk: the chunk, both checkpoints, post-processing, major version."""
    checkpoints = [models.diarization_sha256, models.embedding_sha256]
    how = _how(models.postprocessing_sha256, version.partition(".")[0])
    return _uuid(NAMESPACE, [chunk.recording_id, chunk.chunk_id, *checkpoints, how])


def unreadable_result_id(record: InputRecord) -> uuid.UUID:
    """Id for an event that names no chunk: its place in the log, so that no two share one.

    Its array has other members than `result_id`'s, so the two never meet.
    """
    place = [record.topic, record.ticket.partition, record.ticket.offset]
    return _uuid(NAMESPACE, ["unreadable", *place])


def event_ids(result: str, record_type: str, count: int) -> list[str]:
    """Ids of the events 0 to `count` - 1 of this type that a result has.

    What `str(uuid.uuid5(...))` gives each, without an object for it: a chunk has some 20 events.
    """
    namespace = bytes.fromhex(result.replace("-", ""))
    found = []
    for index in range(count):
        text = sha1(namespace + _place(record_type, index)).hexdigest()
        variant = _VARIANT[text[16]]
        found.append(  # version 5
            f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"
        )
    return found


def failed_event_id(result: uuid.UUID, reason: Reason) -> str:
    """Id of a failed ChunkResult.

    Unlike that of a success: a chunk that failed and is replayed keeps its result_id, and a
    subscriber that drops ids it has seen must not drop the answer.
    """
    return str(_uuid(result, ["ChunkResult", 0, "failed", reason]))


def _uuid(namespace: uuid.UUID, parts: Sequence[object]) -> uuid.UUID:
    return uuid.uuid5(namespace, _json(parts))


# The same few for every chunk.
@cache
def _how(postprocessing_sha256: str, major: str) -> str:
    return hashlib.sha256(_json([postprocessing_sha256, major]).encode()).hexdigest()


@cache
def _place(record_type: str, index: int) -> bytes:
    return _json([record_type, index]).encode()
