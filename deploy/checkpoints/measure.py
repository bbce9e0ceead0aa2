"""Development conversations, a diarizer's error on them, and the published cosine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from consumer.inference.checkpoints import COMPACT, resolve
from consumer.inference.engine import create
from consumer.inference.options import EngineOptions, StreamingCache
from consumer.inference.postprocessing import PostProcessing
from consumer.inference.results import SAMPLE_RATE, Analysis
from consumer.inference.segments import Probabilities, segments
from consumer.inference.sortformer import Sortformer
from deploy.checkpoints import corpus, heldout, losses, material, pool, renders, voices
from deploy.checkpoints.conversations import noises
from deploy.checkpoints.heldout import Specification
from deploy.checkpoints.pool import UNCHANGED, PoolVoice
from deploy.checkpoints.sessions import Span, frames
from deploy.checkpoints.sortformer import SPEAKERS
from producer_tools.evaluate.answers import Answer
from producer_tools.evaluate.fingerprints import by_seconds, clean_speech
from producer_tools.evaluate.recordings import Recording, RecordingInMemory
from producer_tools.evaluate.trials import verify
from producer_tools.rttm import Turn

DEVELOPMENT = replace(Specification(), seed=20261126, speakers=(24, 60, 48, 36), meetings=())
SECONDS = 3.0  # of clean speech behind the published threshold: one window of a fingerprint


@dataclass(frozen=True)
class Probable:
    """A recording and the diarizer's probabilities (frames, speakers) for it."""

    recording: Recording
    probabilities: Probabilities
    units: int
    seconds: float

    def answer(self, post: PostProcessing) -> Answer:
        """The segments that a post-processing makes of it."""
        found = segments(self.probabilities, self.units, post, self.seconds)
        return Answer(self.recording, 0.0, Analysis(self.seconds, found, ()))


def conversations(cache: Path) -> list[RecordingInMemory]:
    """Conversations of the development voices, drawn, mixed and cut as the held-out ones are."""
    everyone = [
        PoolVoice(voice, UNCHANGED, corpus.load(voice, cache, level_alone=True))
        for voice in material.development_voices()
        if voice.minutes >= 0.5
    ]
    return recorded(everyone, DEVELOPMENT)


def recorded(everyone: list[PoolVoice], spec: Specification) -> list[RecordingInMemory]:
    """Conversations of these voices, ready to be answered."""
    return [
        RecordingInMemory(
            each.entry.recording,
            renders.turns(each.entry.recording, each.spans, each.entry.voices.split()),
            each.samples,
        )
        for each in drawn(everyone, spec)
    ]


def drawn(everyone: list[PoolVoice], spec: Specification) -> Iterator[heldout.Recording]:
    """Conversations of these voices, drawn and mixed as the held-out ones are, in another noise."""
    background = noises(np.random.default_rng(4), material.recorded_noise(("party",)), [])
    for entry in heldout.specify(everyone, spec):
        yield heldout.render(entry, everyone, background, spec)


def probable(recordings: Sequence[RecordingInMemory], checkpoint: str = COMPACT) -> list[Probable]:
    """A diarizer's probabilities; the shipped one's where no file is named."""
    found = resolve(checkpoint, "diarizer")
    diarizer = Sortformer(found, "cpu", bf16=False, cache=StreamingCache())
    return [
        Probable(
            each, diarizer.probabilities([each.samples])[0], diarizer.units,
            len(each.samples) / SAMPLE_RATE,
        )
        for each in recordings
    ]  # fmt: skip


def error(answers: Sequence[Probable], post: PostProcessing) -> float:
    """The diarization error rate over all of these recordings by frames of 10 ms, no collar."""
    wrong = spoken = 0.0
    for each in answers:
        said, found = (
            _frames(each.recording.turns, each.seconds),
            _frames(each.answer(post).turns, each.seconds),
        )
        errors = losses.frame_errors(20 * found - 10, said, torch.ones(said.shape[:2]))
        wrong, spoken = wrong + errors[0], spoken + errors[1]
    return wrong / spoken


def _frames(turns: Sequence[Turn], seconds: float) -> torch.Tensor:
    speakers = sorted({turn.speaker for turn in turns})
    spans = [
        Span(
            speakers.index(turn.speaker),
            round(turn.start_s * SAMPLE_RATE),
            round((turn.start_s + turn.duration_s) * SAMPLE_RATE),
        )
        for turn in turns
    ]
    return torch.from_numpy(frames(spans, SPEAKERS, int(seconds * 100), 0.01))[None]


def development_speech(cache: Path) -> list[RecordingInMemory]:
    """The development voices' speech, one recording a voice."""
    chosen = [voice for voice in material.development_voices() if voice.minutes >= 0.6]
    found = []
    for spoken in pool.load(chosen, cache):
        samples = renders.joined(spoken)
        name = spoken.voice.voice
        turn = Turn(name, 0.0, len(samples) / SAMPLE_RATE, name)
        found.append(RecordingInMemory(name, (turn,), samples))
    return found


def embedder_thresholds(cache: Path) -> dict[str, object]:
    """What the card publishes of the shipped embedder, by development voices."""
    engine = create(EngineOptions(COMPACT, COMPACT, device="cpu", threads=1))
    speech = clean_speech(development_speech(cache))
    people = voices.by_name()
    verified = verify(
        by_seconds(speech, SECONDS, engine.embed),
        lambda one, other: people[one].person != people[other].person,
    )
    if verified is None:
        raise RuntimeError("the development voices give no trials: run `voices` first")
    print(f"development: EER {verified.eer:.4f}")
    return {"same_voice_cosine": round(verified.cosine, 3)}
