"""Results of the engine -> encoded events, the same ones whenever the same chunk is done again."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from consumer import event_content, event_ids, projections
from consumer.dead_letters import MIN_LIMIT, dead_letter, fits
from consumer.errors import PermanentError, Reason
from consumer.inference import results
from consumer.inference.results import Analysis, label
from consumer.records import Headers, InputRecord, OutputRecord
from schemas import layout
from schemas.codec import Encoder
from schemas.records import (
    AudioChunk,
    ChunkResult,
    Models,
    Record,
    Source,
    SpeakerFingerprint,
    SpeakerSegment,
    Thresholds,
)
from schemas.validation import MAX_ID_BYTES

_RESULT = layout.of(ChunkResult.avro_name)
_TRACE_HEADERS = ("traceparent", "tracestate")
_MAX_TRACE_BYTES = 512  # what W3C asks a vendor to carry; more could not be promised to fit


@dataclass(frozen=True, slots=True)
class Topics:
    """Names of the topics of one installation."""

    audio_chunks: str = "audio-chunks"
    chunk_results: str = "chunk-results"
    speaker_segments: str = "speaker-segments"
    speaker_fingerprints: str = "speaker-fingerprints"
    dead_letters: str = "audio-chunks.dead-letters"

    @property
    def outputs(self) -> dict[type[Record], str]:
        """Topic of each record the service writes, as `Encoder` takes it."""
        return {
            ChunkResult: self.chunk_results,
            SpeakerSegment: self.speaker_segments,
            SpeakerFingerprint: self.speaker_fingerprints,
        }


def key_matches(record: InputRecord, chunk: AudioChunk) -> bool:
    """Whether the record's key is its recording_id; if not, its order in the recording is lost."""
    return record.key == chunk.recording_id.encode()


def _now() -> datetime:
    return datetime.now(UTC)


class EventWriter:
    """Makes the output records of one input record.

    Args:
        encoder: made with `topics.outputs` where a registry is in use.
        topics: where the events go.
        models: the engine's checkpoints; part of every id.
        version: this project's version; its major part enters every id.
        max_message_bytes: the smallest `max.message.bytes` of the three topics of events.
        max_dead_letter_bytes: that of the dead-letter topic; best larger than the input topic's, so
            that the largest input record still fits with our headers: else its value is left out.
        clock: gives `processed_at`.

    Raises:
        ValueError: a limit is too small for a failed result.
    """

    def __init__(
        self,
        encoder: Encoder,
        topics: Topics,
        models: results.Models,
        version: str,
        max_message_bytes: int = 1_000_000,
        max_dead_letter_bytes: int = 2_000_000,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        if min(max_message_bytes, max_dead_letter_bytes) < MIN_LIMIT:
            raise ValueError(f"the limits on message sizes must be at least {MIN_LIMIT} bytes")
        self._encoder = encoder
        self._topics = topics
        self._outputs = topics.outputs
        self._models = models
        self._names = Models(diarization=models.diarization, embedding=models.embedding)
        self._thresholds = Thresholds(
            same_voice_cosine=models.same_voice_cosine,
            uncertain_confidence=models.uncertain_confidence,
        )
        self._version = version
        self._max_message_bytes = max_message_bytes
        self._max_dead_letter_bytes = max_dead_letter_bytes
        self._clock = clock

    def diarized(
        self, chunk: AudioChunk, record: InputRecord, analysis: Analysis
    ) -> tuple[OutputRecord, ...]:
        """The ChunkResult, then its SpeakerSegments, then its SpeakerFingerprints.

        Times are clamped to [0, duration] and segments that leaves empty are dropped; a fingerprint
        that is not finite is dropped and its speaker listed as having none.

        Raises:
            PermanentError: `INVALID_MODEL_OUTPUT` when a time is not finite, `OUTPUT_TOO_LARGE`
                when an event exceeds the limit.
        """
        result = self._result(chunk, record, analysis)
        key, trace = chunk.recording_id.encode(), _trace(record.trace or record.headers)
        events = projections.events(result)
        outputs = tuple([self._output(kind, body, key, trace) for kind, body in events])
        largest = max(outputs, key=lambda output: len(output.value or b""))  # else all are alike
        if not fits(largest, self._max_message_bytes):
            kind = events[outputs.index(largest)][0]
            raise PermanentError(
                Reason.OUTPUT_TOO_LARGE,
                f"the {kind.avro_name} has {largest.size} bytes; "
                f"{self._max_message_bytes} are allowed",
            )
        return outputs

    def failed(
        self, record: InputRecord, chunk: AudioChunk | None, reason: Reason, message: str
    ) -> tuple[OutputRecord, ...]:
        """The dead letter, then the failed ChunkResult; both always fit their limits.

        `chunk` is None when the event could not be read. See `dead_letter` for what a too large
        one leaves out; a too large result leaves out the attributes.
        """
        letter = dead_letter(
            record,
            self._topics.dead_letters,
            reason,
            message,
            self._version,
            self._max_dead_letter_bytes,
        )
        result = self._failure(record, chunk, reason)
        key, trace = result.recording_id.encode(), _trace(record.trace or record.headers)
        output = self._output(ChunkResult, _RESULT.encode(result), key, trace)
        if not fits(output, self._max_message_bytes):
            bare = _RESULT.encode(replace(result, attributes={}))
            output = self._output(ChunkResult, bare, key, trace)
        return letter, output

    def _result(self, chunk: AudioChunk, record: InputRecord, analysis: Analysis) -> ChunkResult:
        result_id = event_ids.result_id(chunk, self._models, self._version)
        duration = event_content.finite("duration", analysis.duration_s)
        segments = event_content.segments(analysis, duration)
        fingerprints = event_content.fingerprints(analysis)
        detected = {segment.speaker for segment in segments}
        order = sorted({s.speaker for s in analysis.segments})
        voiced = {fingerprint.speaker for fingerprint in fingerprints}
        return ChunkResult(
            event_id=event_ids.event_ids(str(result_id), ChunkResult.avro_name, 1)[0],
            result_id=str(result_id),
            recording_id=chunk.recording_id,
            chunk_id=chunk.chunk_id,
            sequence=chunk.sequence,
            start_s=chunk.start_s,
            last=chunk.last,
            status="diarized",
            attempts=record.attempts,
            duration_s=duration,
            speakers_detected=tuple(label(n) for n in order if label(n) in detected),
            segments=segments,
            fingerprints=fingerprints,
            speakers_without_fingerprint=tuple(
                label(n) for n in order if label(n) in detected - voiced
            ),
            models=self._names,
            thresholds=self._thresholds,
            attributes=chunk.attributes,
            source=_source(record),
            processed_at=self._clock(),
        )

    def _failure(
        self, record: InputRecord, chunk: AudioChunk | None, reason: Reason
    ) -> ChunkResult:
        result_id: uuid.UUID
        if chunk is None:
            result_id = event_ids.unreadable_result_id(record)
        else:
            result_id = event_ids.result_id(chunk, self._models, self._version)
        return ChunkResult(
            event_id=event_ids.failed_event_id(result_id, reason),
            result_id=str(result_id),
            recording_id=chunk.recording_id if chunk else _recording_of(record.key),
            chunk_id=chunk.chunk_id if chunk else "",
            sequence=chunk.sequence if chunk else -1,
            start_s=chunk.start_s if chunk else 0.0,
            last=chunk.last if chunk else False,
            status="failed",
            reason=reason.value,
            attempts=record.attempts,
            models=self._names,
            thresholds=self._thresholds,
            attributes=chunk.attributes if chunk else {},
            source=_source(record),
            processed_at=self._clock(),
        )

    def _output(self, kind: type[Record], body: bytes, key: bytes, trace: Headers) -> OutputRecord:
        return OutputRecord(self._outputs[kind], key, self._encoder.header(kind) + body, trace)


def _recording_of(key: bytes | None) -> str:
    try:
        return (key or b"").decode() if len(key or b"") <= MAX_ID_BYTES else ""
    except UnicodeDecodeError:
        return ""


def _source(record: InputRecord) -> Source:
    ticket = record.ticket
    return Source(topic=record.topic, partition=ticket.partition, offset=ticket.offset)


def _trace(headers: Headers) -> Headers:
    # One of each: a record with thousands of them must not make its own answer too large.
    found = {
        name: value
        for name, value in headers
        if name in _TRACE_HEADERS and len(value or b"") <= _MAX_TRACE_BYTES
    }
    return tuple(found.items())
