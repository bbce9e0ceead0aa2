"""The records of the contract as frozen dataclasses, field for field as in the `.avsc` files.

Times are seconds (double in Avro); confidence, overlap_ratio, cohesion, norm and embeddings are
single precision in Avro, so a decoded value is the float32 nearest to the one encoded. Timestamps
are aware datetimes with millisecond resolution.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self

from schemas import validation


class Record:
    """Base of all records: conversion from and to what an Avro library reads and writes.

    The slots of a record are its fields, in order.
    """

    __slots__: tuple[str, ...] = ()

    avro_name: ClassVar[str] = ""
    """Name of the top-level schema; empty for a record that only lives inside another."""

    def to_avro(self) -> dict[str, Any]:
        """This record as plain dicts, lists and scalars."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_avro(cls, datum: Mapping[str, Any]) -> Self:
        """The record in a datum that has this record's schema.

        Raises:
            MalformedEventError: a value is outside what the contract allows; names the field.
        """
        return cls(**datum)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        # All of one type: asking each of an embedding's numbers is most of the cost of an event.
        records = bool(value) and isinstance(value[0], Record)
        return [item.to_avro() for item in value] if records else list(value)
    return value.to_avro() if isinstance(value, Record) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioChunk(Record):
    """A reference to one chunk of a recording. Checked when made, by publisher and reader alike."""

    avro_name: ClassVar[str] = "AudioChunk"

    recording_id: str
    chunk_id: str
    sequence: int
    start_s: float
    uri: str
    duration_s: float | None = None
    size_bytes: int | None = None
    sha256: str | None = None  # lower-cased when the record is made
    etag: str | None = None
    version_id: str | None = None
    content_type: str | None = None
    channel: int | None = None
    recorded_at: datetime | None = None
    last: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        validation.identifier("recording_id", self.recording_id)
        validation.identifier("chunk_id", self.chunk_id)
        validation.whole_number("sequence", self.sequence, bits=32)
        validation.seconds("start_s", self.start_s)
        validation.seconds("duration_s", self.duration_s)
        validation.not_empty("uri", self.uri)
        validation.whole_number("size_bytes", self.size_bytes, bits=64)
        validation.whole_number("channel", self.channel, bits=32)
        validation.aware("recorded_at", self.recorded_at)
        if self.sha256 is not None:
            validation.sha256("sha256", self.sha256)
            object.__setattr__(self, "sha256", self.sha256.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment(Record):
    """One stretch of one speaker, seconds from the chunk's start."""

    speaker: str
    start_s: float
    end_s: float
    confidence: float | None = None
    overlap_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint(Record):
    """One voice embedding of one local speaker; `embedding` has L2 norm 1."""

    speaker: str
    embedding: tuple[float, ...]
    speech_s: float
    clean: bool
    cohesion: float | None = None
    norm: float
    confidence: float | None = None

    @classmethod
    def from_avro(cls, datum: Mapping[str, Any]) -> Self:
        """See `Record.from_avro`."""
        return cls(**{**datum, "embedding": tuple(datum["embedding"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Models(Record):
    """Names of the checkpoints used."""

    diarization: str
    embedding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Record):
    """Limits measured for the checkpoints used; None where none was measured."""

    same_voice_cosine: float | None = None
    uncertain_confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Record):
    """Where the input record lies."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkResult(Record):
    """Everything known about one chunk. `status` is `diarized` or `failed`."""

    avro_name: ClassVar[str] = "ChunkResult"

    event_id: str
    result_id: str
    recording_id: str
    chunk_id: str
    sequence: int
    start_s: float
    last: bool = False
    status: str
    reason: str | None = None
    attempts: int
    duration_s: float | None = None
    speakers_detected: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()
    fingerprints: tuple[Fingerprint, ...] = ()
    speakers_without_fingerprint: tuple[str, ...] = ()
    models: Models
    thresholds: Thresholds
    attributes: Mapping[str, str] = field(default_factory=dict)
    source: Source
    processed_at: datetime

    @classmethod
    def from_avro(cls, datum: Mapping[str, Any]) -> Self:
        """See `Record.from_avro`."""
        nested = {
            "speakers_detected": tuple(datum["speakers_detected"]),
            "segments": tuple(map(Segment.from_avro, datum["segments"])),
            "fingerprints": tuple(map(Fingerprint.from_avro, datum["fingerprints"])),
            "speakers_without_fingerprint": tuple(datum["speakers_without_fingerprint"]),
            "models": Models.from_avro(datum["models"]),
            "thresholds": Thresholds.from_avro(datum["thresholds"]),
            "source": Source.from_avro(datum["source"]),
        }
        return cls(**{**datum, **nested})


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerSegment(Record):
    """One segment of a ChunkResult, flat, with its place in the recording."""

    avro_name: ClassVar[str] = "SpeakerSegment"

    event_id: str
    result_id: str
    recording_id: str
    chunk_id: str
    sequence: int
    index: int
    speaker: str
    start_s: float
    end_s: float
    confidence: float | None = None
    overlap_ratio: float
    recording_start_s: float
    recording_end_s: float
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerFingerprint(Record):
    """One fingerprint of a ChunkResult, flat. Biometric data."""

    avro_name: ClassVar[str] = "SpeakerFingerprint"

    event_id: str
    result_id: str
    recording_id: str
    chunk_id: str
    sequence: int
    speaker: str
    embedding: tuple[float, ...]
    speech_s: float
    clean: bool
    cohesion: float | None = None
    norm: float
    confidence: float | None = None
    model: str

    @classmethod
    def from_avro(cls, datum: Mapping[str, Any]) -> Self:
        """See `Record.from_avro`."""
        return cls(**{**datum, "embedding": tuple(datum["embedding"])})


EVENTS: tuple[type[Record], ...] = (AudioChunk, ChunkResult, SpeakerSegment, SpeakerFingerprint)
"""The records that travel on their own, each on its own topic."""
