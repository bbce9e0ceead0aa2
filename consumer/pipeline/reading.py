"""From the event's bytes to a chunk worth fetching."""

import structlog

from consumer.audio.reference import Reference
from consumer.errors import PermanentError, Reason, TransientError
from consumer.pipeline.job import Job
from consumer.records import InputRecord
from schemas import codec
from schemas.errors import MalformedEventError, RegistryUnavailableError, UnknownSchemaError
from schemas.records import AudioChunk

log = structlog.get_logger(__name__)

_LOGGED_KEY_BYTES = 100


def read(decoder: codec.Decoder, record: InputRecord) -> AudioChunk:
    """Decode the event.

    Raises PermanentError for a bad event, TransientError while the registry is away.
    """
    if record.value is None:
        raise PermanentError(Reason.MALFORMED_EVENT, "the record has no value")
    try:
        return decoder.decode(record.value, AudioChunk)
    except MalformedEventError as error:
        raise PermanentError(Reason.MALFORMED_EVENT, str(error)) from error
    except UnknownSchemaError as error:
        raise PermanentError(Reason.UNKNOWN_SCHEMA, str(error)) from error
    except RegistryUnavailableError as error:
        raise TransientError(str(error)) from error


def refuse_oversize(chunk: AudioChunk, *, object_bytes: int, chunk_s: float) -> None:
    """Raise PermanentError for a chunk that declares itself larger or longer than allowed."""
    if chunk.size_bytes is not None and chunk.size_bytes > object_bytes:
        raise PermanentError(
            Reason.TOO_LARGE, f"declared {chunk.size_bytes} bytes, the limit is {object_bytes}"
        )
    if chunk.duration_s is not None and chunk.duration_s > chunk_s:
        raise PermanentError(
            Reason.TOO_LONG, f"declared {chunk.duration_s:g} s, the limit is {chunk_s:g} s"
        )


def reference(chunk: AudioChunk) -> Reference:
    """What the fetcher needs of a chunk."""
    return Reference(
        uri=chunk.uri,
        size_bytes=chunk.size_bytes,
        sha256=chunk.sha256,
        etag=chunk.etag,
        version_id=chunk.version_id,
    )


def log_key(record: InputRecord, chunk: AudioChunk) -> None:
    """Say that a record's key is not its recording_id: its order in the recording is lost."""
    log.warning(
        "key_is_not_recording_id",
        recording_id=chunk.recording_id,
        chunk_id=chunk.chunk_id,
        key=(record.key or b"")[:_LOGGED_KEY_BYTES].decode(errors="replace"),
        partition=record.ticket.partition,
        offset=record.ticket.offset,
    )


def log_retry(job: Job, why: str, wait_s: float) -> None:
    """Say what is waited for; a long outage says it at every (ever rarer) try."""
    log.warning(
        "retrying",
        recording_id=job.chunk.recording_id if job.chunk else None,
        chunk_id=job.chunk.chunk_id if job.chunk else None,
        partition=job.record.ticket.partition,
        offset=job.record.ticket.offset,
        retry=job.retries,
        wait_s=round(wait_s, 2),
        why=why,
    )
