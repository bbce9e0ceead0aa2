"""Whether fingerprints bring the local speakers of a recording's chunks together again."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from consumer.inference.results import label
from producer_tools.clustering import cluster
from producer_tools.evaluate.answers import Answer
from producer_tools.evaluate.recordings import Recording, speakers
from producer_tools.rttm import Turn
from producer_tools.scoring import annotation, error_rate
from producer_tools.voices import voices

CHUNK_S = 30.0


@dataclass(frozen=True, slots=True)
class Linked:
    """One recording put together from its chunks.

    `purity` is that of the clustering: the share of fingerprints, by seconds of speech, that are
    of the person who has most of their voice. A fingerprint is of the person who shares most time
    with its local speaker. `time_purity` is the share of all found speech that is of the person
    its voice stands for, false alarms included. `der` is without a collar.
    """

    name: str
    speakers: int
    voices: int
    purity: float
    time_purity: float
    der: float


def link(answers: Sequence[Answer], threshold: float, *, apart: bool) -> list[Linked]:
    """The voices of every recording, from its chunks.

    Agglomerative clustering by mean cosine down to `threshold`: the plain one, or with `apart` as
    `producer_tools.linking.link` does it, where fingerprints count by their seconds of speech, two
    speakers of one chunk are never one voice, and short fingerprints begin none.
    """
    return [
        _judge(recording, list(chunks), threshold, apart)
        for recording, chunks in groupby(answers, key=lambda answer: answer.recording)
    ]


def _judge(recording: Recording, chunks: list[Answer], threshold: float, apart: bool) -> Linked:
    from pyannote.metrics.diarization import DiarizationPurity

    names = _voices(chunks, threshold, apart)
    turns = _turns(chunks, names)
    end = max(turn.start_s + turn.duration_s for turn in (*recording.turns, *turns))
    pure = DiarizationPurity()(annotation(recording.turns), annotation(turns))  # type: ignore[no-untyped-call]
    return Linked(
        name=recording.name,
        speakers=len(speakers(recording)),
        voices=len(set(names.values())),
        purity=_purity(chunks, names),
        time_purity=float(pure),
        der=error_rate(recording.turns, turns, [(0.0, end)]).der,
    )


def _voices(chunks: list[Answer], threshold: float, apart: bool) -> dict[tuple[int, int], str]:
    """Number of the chunk and local speaker -> voice, for those that have one."""
    found = [
        (number, made)
        for number, answer in enumerate(chunks)
        for made in answer.analysis.fingerprints
    ]
    if not found:
        return {}
    rows = np.stack([made.embedding for _, made in found]).astype(np.float64)
    labels: Sequence[int | None]
    if apart:
        seconds = np.array([made.speech_s for _, made in found])
        labels = voices(rows, seconds, [number for number, _ in found], threshold)
    else:
        labels = cluster(rows, np.ones(len(rows)), range(len(rows)), threshold)
    return {
        (number, made.speaker): f"Voice_{voice}"
        for (number, made), voice in zip(found, labels, strict=True)
        if voice is not None
    }


def _turns(chunks: list[Answer], names: dict[tuple[int, int], str]) -> list[Turn]:
    """Turns on the recording's time axis, named by voice; without one by chunk."""
    return [
        Turn(
            answer.recording.name,
            answer.start_s + segment.start_s,
            segment.end_s - segment.start_s,
            names.get((number, segment.speaker), f"{number}/{label(segment.speaker)}"),
        )
        for number, answer in enumerate(chunks)
        for segment in answer.analysis.segments
    ]


def _purity(chunks: list[Answer], names: dict[tuple[int, int], str]) -> float:
    """Manning et al., "Introduction to Information Retrieval", 2008, section 16.3; 1 for none."""
    seconds: dict[str, dict[str | None, float]] = defaultdict(lambda: defaultdict(float))
    for number, answer in enumerate(chunks):
        for made in answer.analysis.fingerprints:
            if voice := names.get((number, made.speaker)):
                seconds[voice][_person(answer, made.speaker)] += made.speech_s
    right = sum(max(voice.values()) for voice in seconds.values())
    total = sum(made.speech_s for answer in chunks for made in answer.analysis.fingerprints)
    return right / total if total else 1.0


def _person(answer: Answer, speaker: int) -> str | None:
    """Who of the reference shares most time with a local speaker; None when nobody does."""
    shared: dict[str, float] = defaultdict(float)
    for segment in answer.analysis.segments:
        if segment.speaker == speaker:
            start, end = answer.start_s + segment.start_s, answer.start_s + segment.end_s
            for said in answer.recording.turns:
                both = min(end, said.start_s + said.duration_s) - max(start, said.start_s)
                if both > 0:
                    shared[said.speaker] += both
    return max(shared, key=lambda person: shared[person], default=None)
