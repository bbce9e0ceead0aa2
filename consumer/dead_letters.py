"""Dead letters: the input record unchanged, and headers that say what went wrong.

`__connect.errors.*` are Kafka Connect's names, which operators' tools know.
"""

import hashlib

from consumer.errors import Reason
from consumer.records import Headers, InputRecord, OutputRecord

ORIGIN_TOPIC = "__connect.errors.topic"
"""The first of our headers: what stands before it is the record's own."""

OMITTED = "dlq.omitted"

_MESSAGE_CHARACTERS = 1000
_CONVERSION = (Reason.MALFORMED_EVENT, Reason.UNKNOWN_SCHEMA)

RECORD_OVERHEAD = 128
HEADER_OVERHEAD = 12
"""Upper bounds in bytes of what a record batch and a header add to their contents."""

MIN_LIMIT = 16_384
"""Smallest allowed limit on a message: a dead letter without its original content always fits."""


def fits(record: OutputRecord, limit: int) -> bool:
    """Whether a broker with this `max.message.bytes` takes the record, alone in a batch."""
    return record.size + RECORD_OVERHEAD + HEADER_OVERHEAD * len(record.headers) <= limit


def dead_letter(
    record: InputRecord, topic: str, reason: Reason, message: str, version: str, limit: int
) -> OutputRecord:
    """The dead letter of a record: key, value and headers unchanged, then our headers.

    A dead letter that exceeds `limit` could never be published, and its transaction would abort
    for ever. Then the value is left out, if need be the headers, if need be the key; `dlq.omitted`
    names what is missing, and size and SHA-256 of the value stay. The original is still in the
    input topic, at the place the headers name, until that topic's retention ends.
    """
    ours = _headers(record, reason, message, version)
    letter = OutputRecord(topic, record.key, record.value, (*record.headers, *ours))
    if fits(letter, limit):
        return letter
    ours += _digest(record.value)
    letter = OutputRecord(topic, record.key, None, (*record.headers, *ours, _omitted("value")))
    if fits(letter, limit):
        return letter
    letter = OutputRecord(topic, record.key, None, (*ours, _omitted("value,headers")))
    if fits(letter, limit):
        return letter
    return OutputRecord(topic, None, None, (*ours, _omitted("value,headers,key")))


def original_headers(headers: Headers) -> tuple[Headers, Headers]:
    """A dead letter's headers as (the record's own, ours).

    The record may have been a dead letter before: only the last of our blocks is ours.

    Raises ValueError for headers that are no dead letter's.
    """
    names = [name for name, _ in headers]
    if ORIGIN_TOPIC not in names:
        raise ValueError(f"no header {ORIGIN_TOPIC}: this is no dead letter")
    border = len(names) - 1 - names[::-1].index(ORIGIN_TOPIC)
    return headers[:border], headers[border:]


def _headers(record: InputRecord, reason: Reason, message: str, version: str) -> Headers:
    stage = "VALUE_CONVERTER" if reason in _CONVERSION else "TASK_PUT"
    texts = {
        ORIGIN_TOPIC: record.topic,
        "__connect.errors.partition": str(record.ticket.partition),
        "__connect.errors.offset": str(record.ticket.offset),
        "__connect.errors.connector.name": "speakerstream",
        "__connect.errors.stage": stage,
        "__connect.errors.exception.class.name": "consumer.errors.PermanentError",
        "__connect.errors.exception.message": message[:_MESSAGE_CHARACTERS],
        "dlq.reason": reason.value,
        "dlq.attempts": str(record.attempts),
        "dlq.version": version,
        "dlq.original.timestamp": str(record.timestamp_ms),
    }
    return tuple((name, text.encode(errors="replace")) for name, text in texts.items())


def _digest(value: bytes | None) -> Headers:
    content = value or b""
    return (
        ("dlq.value.bytes", str(len(content)).encode()),
        ("dlq.value.sha256", hashlib.sha256(content).hexdigest().encode()),
    )


def _omitted(what: str) -> tuple[str, bytes]:
    return (OMITTED, what.encode())
