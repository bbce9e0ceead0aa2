"""The thresholds that the card publishes, measured on the development voices alone."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

from consumer.inference.checkpoints import COMPACT, resolve
from consumer.inference.engine import create
from consumer.inference.options import EngineOptions, StreamingCache
from consumer.inference.postprocessing import PostProcessing
from consumer.inference.results import SAMPLE_RATE, Analysis
from consumer.inference.segments import Probabilities, segments
from consumer.inference.sortformer import Sortformer
from deploy.checkpoints import material, pool, renders, voices
from producer_tools.evaluate import confidence
from producer_tools.evaluate.answers import Answer
from producer_tools.evaluate.fingerprints import by_seconds, clean_speech
from producer_tools.evaluate.recordings import Recording, RecordingInMemory
from producer_tools.evaluate.trials import verify
from producer_tools.rttm import Turn
from producer_tools.scoring import NO_ERROR, error_rate

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
    """The development conversations."""
    return [
        RecordingInMemory(
            str(number),
            renders.turns(str(number), drawn.spans, [str(voice) for voice in drawn.voices]),
            drawn.samples,
        )
        for number, drawn in enumerate(material.development(cache))
    ]


def probable(recordings: Sequence[RecordingInMemory]) -> list[Probable]:
    """The shipped diarizer's probabilities."""
    diarizer = Sortformer(resolve(COMPACT, "diarizer"), "cpu", bf16=False, cache=StreamingCache())
    return [
        Probable(
            each, diarizer.probabilities([each.samples])[0], diarizer.units,
            len(each.samples) / SAMPLE_RATE,
        )
        for each in recordings
    ]  # fmt: skip


def error(answers: Sequence[Probable], post: PostProcessing) -> float:
    """The diarization error rate over all of these recordings, without a collar."""
    rates = (
        error_rate(each.recording.turns, each.answer(post).turns, [(0.0, each.seconds)])
        for each in answers
    )
    return sum(rates, NO_ERROR).der


def best_post(answers: Sequence[Probable]) -> tuple[PostProcessing, float]:
    """The post-processing with the least error on these answers, and that error."""
    grids = product((0.35, 0.4, 0.45, 0.5, 0.55, 0.6), (0.0, 0.1), (0.0, 0.2), (0.0, 0.3))
    tried = [
        PostProcessing(level, round(level - lower, 2), 0.0, 0.0, on, off)
        for level, lower, on, off in grids
    ]
    rates = [error(answers, post) for post in tried]
    least = min(range(len(tried)), key=rates.__getitem__)
    return tried[least], rates[least]


def development_speech(cache: Path) -> list[RecordingInMemory]:
    """The development voices' speech, one recording a voice."""
    chosen = [v for v in voices.read() if v.split == "development" and v.minutes >= 0.6]
    found = []
    for spoken in pool.load(chosen, cache, (1.0,)):
        samples = renders.joined(spoken)
        name = spoken.voice.voice
        turn = Turn(name, 0.0, len(samples) / SAMPLE_RATE, name)
        found.append(RecordingInMemory(name, (turn,), samples))
    return found


def thresholds(cache: Path) -> dict[str, dict[str, object]]:
    """What the card publishes, measured with the shipped files."""
    answers = probable(conversations(cache))
    post, rate = best_post(answers)
    judged = confidence.judge([each.answer(post) for each in answers])
    engine = create(EngineOptions(COMPACT, COMPACT, device="cpu", threads=1))
    speech = clean_speech(development_speech(cache))
    people = voices.by_name()
    verified = verify(
        by_seconds(speech, SECONDS, engine.embed),
        lambda one, other: people[one].person != people[other].person,
    )
    if verified is None:
        raise RuntimeError("the development voices give no trials: run `voices` first")
    print(
        f"development: DER {rate:.4f} with {post}; "
        f"AUROC {confidence.measure(judged).auroc}; EER {verified.eer:.4f}"
    )
    return {
        "diarizer": {
            "uncertain_confidence": confidence.best_threshold(judged),
            "postprocessing": asdict(post),
        },
        "embedder": {"same_voice_cosine": round(verified.cosine, 3)},
    }
