"""The documentation's examples with every field set, and text and numbers that take more bytes."""

from dataclasses import replace

from schemas.records import Record
from tests.unit.docs import example_events as example

CHUNK = replace(
    example.CHUNK,
    recording_id="Besprechung-ä",
    size_bytes=5_000_000_000,
    etag='"x"',
    version_id="v",
    channel=1,
    last=True,
)
_SURE, _UNKNOWN = example.RESULT.segments
RESULT = replace(
    example.RESULT,
    recording_id=CHUNK.recording_id,
    segments=(_SURE, replace(_UNKNOWN, confidence=None)),
    last=True,
)
SEGMENT, FINGERPRINT = example.flat(RESULT)
EVENTS: tuple[Record, ...] = (CHUNK, RESULT, SEGMENT, FINGERPRINT)
