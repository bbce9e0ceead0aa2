"""An engine without models: its answers are a function of the samples alone.

For tests of everything around inference. The same samples get the same answer in every process;
one changed sample gets another. Silence gets no segments. Imports no torch.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from consumer.errors import PermanentError, Reason
from consumer.inference.options import EngineOptions
from consumer.inference.results import (
    SAMPLE_RATE,
    Analysis,
    Fingerprint,
    Models,
    Segment,
    Waveform,
)

_NAME = "stand-in"
_SPEAKERS = 4  # at most, as in the published diarizers
_DIMENSIONS = 192  # as TitaNet
_MEAN_TURN_S = 3.0
_LEAST_SPEECH_S = 0.5  # below it no fingerprint


class StandInEngine:
    """Implements `results.Engine` by hashing."""

    @property
    def models(self) -> Models:
        """Names and digests of nothing."""
        digest = hashlib.sha256(_NAME.encode()).hexdigest()
        return Models(
            diarization=_NAME,
            embedding=_NAME,
            diarization_sha256=digest,
            embedding_sha256=digest,
            same_voice_cosine=0.4,
            uncertain_confidence=0.6,
            postprocessing_sha256=digest,
        )

    def analyze(self, waveforms: Sequence[Waveform]) -> Sequence[Analysis | PermanentError]:
        """One answer per waveform, in order."""
        return [
            _analysis(waveform)
            if len(waveform)
            else PermanentError(Reason.EMPTY_AUDIO, "the chunk has no samples")
            for waveform in waveforms
        ]

    def close(self) -> None:
        """Nothing to free."""


def create(options: EngineOptions) -> StandInEngine:
    """The engine; it has no use for the options."""
    return StandInEngine()


def _analysis(waveform: Waveform) -> Analysis:
    duration = len(waveform) / SAMPLE_RATE
    if not np.any(waveform):
        return Analysis(duration, (), ())
    digest = hashlib.sha256(np.ascontiguousarray(waveform, np.float32).tobytes()).digest()
    rng = np.random.default_rng(list(digest))
    segments = _turns(duration, rng)
    fingerprints = []
    without = []
    for speaker in sorted({segment.speaker for segment in segments}):
        own = [segment for segment in segments if segment.speaker == speaker]
        speech = sum((s.end_s - s.start_s) * (1 - s.overlap_ratio) for s in own)
        if speech < _LEAST_SPEECH_S:
            without.append(speaker)
        else:
            fingerprints.append(_fingerprint(speaker, speech, rng))
    return Analysis(duration, tuple(segments), tuple(fingerprints), tuple(without))


def _turns(duration: float, rng: np.random.Generator) -> list[Segment]:
    """Turns of one to four speakers, some of them overlapping the one before."""
    speakers = int(rng.integers(1, _SPEAKERS + 1))
    spans: list[tuple[float, float, int]] = []
    position = 0.0
    while position < duration:
        end = min(position + rng.exponential(_MEAN_TURN_S) + 0.2, duration)
        speaker = int(rng.integers(speakers))
        if not spans or spans[-1][2] != speaker or position > spans[-1][1]:
            spans.append((position, end, speaker))
        position = max(end + rng.normal(0.3, 0.4), position + 0.2)
    return [
        Segment(
            speaker=speaker,
            start_s=start,
            end_s=end,
            confidence=float(rng.uniform(0.5, 1.0)),
            overlap_ratio=_covered(start, end, speaker, spans),
        )
        for start, end, speaker in sorted(spans, key=lambda span: (span[0], span[2]))
    ]


def _covered(
    start: float, end: float, speaker: int, spans: list[tuple[float, float, int]]
) -> float:
    """Share of 10 ms steps of a span at which another speaker has one."""
    steps = np.arange(start, end, 0.01)
    others = [(steps >= a) & (steps < b) for a, b, who in spans if who != speaker]
    return float(np.any(others, axis=0).mean()) if others else 0.0


def _fingerprint(speaker: int, speech_s: float, rng: np.random.Generator) -> Fingerprint:
    direction: NDArray[np.float64] = rng.normal(size=_DIMENSIONS)
    return Fingerprint(
        speaker=speaker,
        embedding=(direction / np.linalg.norm(direction)).astype(np.float32),
        speech_s=speech_s,
        clean=True,
        cohesion=float(rng.uniform(0.6, 1.0)),
        norm=float(rng.uniform(0.7, 1.0)),
        confidence=float(rng.uniform(0.5, 1.0)),
    )
