"""What the engine says about one chunk, and the engine's contract. Imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from consumer.errors import PermanentError

SAMPLE_RATE = 16_000  # Hz of every waveform handed to an engine

Waveform = NDArray[np.float32]
"""Mono samples at `SAMPLE_RATE`, shape (samples,), float32, nominally within [-1, 1]."""


def label(speaker: int) -> str:
    """The published name of a local speaker: `Speaker_0` for output 0 of the diarizer."""
    return f"Speaker_{speaker}"


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of one speaker, seconds from the chunk's start, within [0, duration]."""

    speaker: int
    start_s: float
    end_s: float
    confidence: float | None  # mean probability of the speaker over the segment's frames
    overlap_ratio: float  # share of the segment's frames where another speaker is active too


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One voice embedding per local speaker."""

    speaker: int
    embedding: NDArray[np.float32]  # shape (dimensions,), L2-normalised
    speech_s: float  # seconds of speech used
    clean: bool  # False when only overlapped speech was left
    cohesion: float | None  # mean cosine of the windows to the embedding; None for one window
    norm: float  # L2 norm of the weighted mean before normalisation
    confidence: float | None  # mean probability of the speaker over the frames used


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything the engine says about one chunk."""

    duration_s: float
    segments: tuple[Segment, ...]  # ordered by start, then speaker
    fingerprints: tuple[Fingerprint, ...]  # ordered by speaker
    speakers_without_fingerprint: tuple[int, ...] = ()

    @property
    def speakers_detected(self) -> tuple[int, ...]:
        """Local speakers with at least one segment, ascending."""
        return tuple(sorted({segment.speaker for segment in self.segments}))


@dataclass(frozen=True, slots=True)
class Models:
    """Which checkpoints speak, and the thresholds published with them."""

    diarization: str
    embedding: str
    diarization_sha256: str
    embedding_sha256: str
    same_voice_cosine: float | None  # raw cosine at or above which two fingerprints are one voice
    uncertain_confidence: float | None  # below it a user interface writes `Speaker_0?`
    postprocessing_sha256: str  # of post-processing settings and precision; enters every result id


class Engine(Protocol):
    """Turns a batch of waveforms into analyses. Used from one thread at a time."""

    @property
    def models(self) -> Models:
        """The checkpoints in use."""
        ...

    def analyze(self, waveforms: Sequence[Waveform]) -> Sequence[Analysis | PermanentError]:
        """One answer per waveform, in order. A chunk's answer never depends on its mates.

        Raises only for faults of the engine as a whole.
        """
        ...

    def close(self) -> None:
        """Free the device."""
        ...
