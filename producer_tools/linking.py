"""Which local speakers of different chunks are the same voice. Imports no torch.

`Speaker_0` of one chunk and `Speaker_0` of the next need not be the same person; their
fingerprints tell. See `link`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from producer_tools.voices import voices
from schemas.records import ChunkResult, Fingerprint

_LEAST_WEIGHT_S = 1e-3  # of a fingerprint that claims no speech at all: it must not divide by zero


@dataclass(frozen=True, slots=True, order=True)
class LocalSpeaker:
    """One speaker of one chunk."""

    recording_id: str
    chunk_id: str
    speaker: str


@dataclass(frozen=True, slots=True)
class Voices:
    """`Voice_N` (N counts from 0 in order of appearance, per recording) of each local speaker."""

    names: Mapping[LocalSpeaker, str] = field(default_factory=dict)

    def of(self, recording_id: str, chunk_id: str, speaker: str) -> str | None:
        """The voice of a local speaker, None when it could not be linked."""
        return self.names.get(LocalSpeaker(recording_id, chunk_id, speaker))

    def members(self, recording_id: str) -> dict[str, list[LocalSpeaker]]:
        """The voices of a recording with their local speakers."""
        found: dict[str, list[LocalSpeaker]] = defaultdict(list)
        for speaker, voice in self.names.items():
            if speaker.recording_id == recording_id:
                found[voice].append(speaker)
        return dict(found)


def link(results: Iterable[ChunkResult], threshold: float | None = None) -> Voices:
    """Join the local speakers of each recording by the cosine of their fingerprints.

    Agglomerative clustering: the two voices with the largest mean cosine between their
    fingerprints, weighted by the seconds of speech behind them, are joined as long as that is at
    least `threshold`. Two speakers of one chunk are never joined. The newest result of a chunk
    supersedes earlier ones; failed results have no speakers; a speaker without a fingerprint has
    no voice. The order of `results` does not matter.

    Args:
        results: ChunkResults of any number of recordings.
        threshold: raw cosine; None takes the one published with the newest result of each
            embedding model. Fingerprints of different models are never joined.

    Raises:
        ValueError: no threshold is given and none was published.
    """
    recordings: dict[str, list[ChunkResult]] = defaultdict(list)
    for result in newest(results):
        if result.status != "failed":
            recordings[result.recording_id].append(result)
    names: dict[LocalSpeaker, str] = {}
    for recording_id in sorted(recordings):
        names.update(_link_recording(recordings[recording_id], threshold))
    return Voices(names)


def newest(results: Iterable[ChunkResult]) -> list[ChunkResult]:
    """The valid result of each chunk: the newest supersedes earlier ones, whatever its status."""
    valid: dict[tuple[str, str], ChunkResult] = {}
    for result in results:
        # An event that could not be read names no chunk: each is one of its own.
        chunk = (result.recording_id, result.chunk_id or result.result_id)
        if chunk not in valid or _age(valid[chunk]) < _age(result):
            valid[chunk] = result
    return list(valid.values())


def _age(result: ChunkResult) -> tuple[object, ...]:
    return (result.processed_at, result.source.offset, result.event_id)


def _link_recording(
    results: list[ChunkResult], threshold: float | None
) -> Mapping[LocalSpeaker, str]:
    ordered = sorted(results, key=lambda result: (result.start_s, result.sequence, result.chunk_id))
    models: dict[str, list[tuple[LocalSpeaker, Fingerprint]]] = defaultdict(list)
    limits: dict[str, float] = {}
    for result in sorted(ordered, key=_age):
        published = result.thresholds.same_voice_cosine
        limit = threshold if threshold is not None else published
        if limit is not None:
            limits[result.models.embedding] = limit
    for result in ordered:
        for found in result.fingerprints:
            if any(found.embedding):
                speaker = LocalSpeaker(result.recording_id, result.chunk_id, found.speaker)
                models[result.models.embedding].append((speaker, found))
    names: dict[LocalSpeaker, str] = {}
    for model in sorted(models):
        if model not in limits:
            raise ValueError(
                f"no threshold was published with the fingerprints of {model}: give one"
            )
        speakers = [speaker for speaker, _ in models[model]]
        numbers = voices(
            _unit([found.embedding for _, found in models[model]]),
            np.array([max(found.speech_s, _LEAST_WEIGHT_S) for _, found in models[model]]),
            [speaker.chunk_id for speaker in speakers],
            limits[model],
        )
        first = len(set(names.values()))
        for speaker, number in zip(speakers, numbers, strict=True):
            if number is not None:
                names[speaker] = f"Voice_{first + number}"
    return names


def _unit(embeddings: list[tuple[float, ...]]) -> NDArray[np.float64]:
    rows = np.array(embeddings, np.float64)
    unit: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
