"""Measures a pair of checkpoints: thresholds on the development voices, figures on the held-out
ones.
"""

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from deploy.checkpoints import export, heldout, material, pool, titanet, voices
from deploy.checkpoints.conversations import Conversation
from deploy.checkpoints.pool import PoolVoice
from deploy.checkpoints.score import (
    PostProcessing,
    Probabilities,
    Score,
    confidence,
    probabilities,
    score,
    segments,
)
from deploy.checkpoints.sessions import Span
from deploy.checkpoints.speech import SAMPLE_RATE
from deploy.checkpoints.teacher import windows
from deploy.checkpoints.trials import equal_error, trials

CHUNK_S = 30.0


@dataclass(frozen=True)
class Judged:
    """A recording's probabilities and its reference."""

    probability: Probabilities
    spans: list[Span]
    speakers: int
    seconds: float


def judged(
    model: Any, samples: npt.NDArray[np.float32], spans: list[Span], speakers: int
) -> Judged:
    """Run the diarizer on a recording."""
    return Judged(probabilities(model, samples), spans, speakers, len(samples) / SAMPLE_RATE)


def development(model: Any, conversations: list[Conversation]) -> list[Judged]:
    """The diarizer's answers on the development conversations."""
    return [judged(model, entry.samples, entry.spans, len(entry.voices)) for entry in conversations]


def heldout_conversations(model: Any, cache: Path) -> list[Judged]:
    """The diarizer's answers on the frozen conversations (the meetings are for linking)."""
    everyone, background = heldout.talkers(cache), heldout.backgrounds()
    result = []
    for entry in heldout.manifest():
        if entry.recording.startswith("c"):
            recording = heldout.render(entry, everyone, background, heldout.Specification())
            result.append(judged(model, recording.samples, recording.spans, entry.speakers))
    return result


def errors(answers: list[Judged], post: PostProcessing) -> list[tuple[int, Score]]:
    """Number of speakers and errors of every recording."""
    return [
        (entry.speakers, score(entry.spans, segments(entry.probability, post), entry.seconds))
        for entry in answers
    ]


def best_post(answers: list[Judged]) -> tuple[PostProcessing, float]:
    """The post-processing with the least error on these (development) answers, and that error."""
    best, least = PostProcessing(), float("inf")
    grids = product((0.4, 0.45, 0.5, 0.55, 0.6), (0.0, 0.1), (0.0,), (0.0, 0.2), (0.0, 0.3))
    for level, lower, pad, on, off in grids:
        post = PostProcessing(level, round(level - lower, 2), pad, pad, on, off)
        rate = sum((part for _, part in errors(answers, post)), Score()).rate
        if rate < least:
            best, least = post, rate
    return best, least


def judgements(
    answers: list[Judged], post: PostProcessing
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Confidence of every segment, and whether its speaker is the right one for most of it.

    Right: the reference speaker that the label stands for most is active in half of the segment.
    """
    levels, right = list[float](), list[bool]()
    for entry in answers:
        found = segments(entry.probability, post)
        active = np.zeros((int(entry.seconds * 100) + 2, entry.speakers), bool)
        for span in entry.spans:
            active[span.start // 160 : span.end // 160, span.speaker] = True
        guess = np.zeros((len(active), entry.probability.shape[1]), bool)
        for speaker, start, end in found:
            guess[int(start * 100) : int(end * 100), speaker] = True
        together = guess.T.astype(float) @ active.astype(float)
        mapping = together.argmax(1)
        for speaker, start, end in found:
            covered = active[
                int(start * 100) : max(int(end * 100), int(start * 100) + 1), mapping[speaker]
            ]
            right.append(bool(covered.mean() >= 0.5))
            levels.append(confidence(entry.probability[:, speaker], start, end, entry.seconds))
    return np.asarray(levels), np.asarray(right)


def uncertain(levels: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """The confidence that tells right segments from wrong ones best (Youden's index)."""
    grid = np.linspace(0.5, 0.95, 46)
    hits = [(levels[right] >= level).mean() - (levels[~right] >= level).mean() for level in grid]
    return round(float(grid[int(np.argmax(hits))]), 2)


def auroc(levels: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """The chance that a right segment has the higher confidence."""
    ranks = np.argsort(np.argsort(levels)) + 1
    positive, negative = right.sum(), (~right).sum()
    return float((ranks[right].sum() - positive * (positive + 1) / 2) / max(positive * negative, 1))


def calibration(
    levels: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], bins: int = 10
) -> float:
    """The expected calibration error."""
    which = np.minimum((levels * bins).astype(int), bins - 1)
    gaps = [
        abs(levels[which == b].mean() - right[which == b].mean()) * (which == b).mean()
        for b in set(which)
    ]
    return float(sum(gaps))


def speech_windows(
    spoken: list[PoolVoice], seconds: float, most: int = 24
) -> dict[str, npt.NDArray[np.float32]]:
    """Windows (n, samples) of clean speech by person."""
    result: dict[str, list[npt.NDArray[np.float32]]] = {}
    for entry in spoken:
        cut = windows(
            [entry.speech.stretch(index) for index in range(len(entry.speech.bounds))], seconds
        )
        result.setdefault(entry.voice.voice, []).append(cut[:: max(1, len(cut) // most)][:most])
    return {name: np.concatenate(parts) for name, parts in result.items()}


@torch.inference_mode()
def verification(
    model: Any, split: str, seconds: float, cache: Path
) -> tuple[float, float, int, int]:
    """Equal error rate, its cosine, the number of trials and of voices."""
    chosen = [voice for voice in voices.read() if voice.split == split and voice.minutes >= 0.6]
    cut = speech_windows(pool.load(chosen, cache, (1.0,)), seconds)
    embedded = [
        torch.cat(
            [titanet.embed(model, part) for part in torch.split(torch.from_numpy(rows), 8)]
        ).numpy()
        for rows in cut.values()
    ]
    same, other = trials(embedded)
    rate, cosine = equal_error(same, other)
    return rate, cosine, len(same) + len(other), len(embedded)


def thresholds(cache: Path) -> dict[str, dict[str, object]]:
    """What the card publishes, measured on the development voices with the shipped files."""
    answers = development(export.load_diarizer(), material.development(cache))
    post, rate = best_post(answers)
    levels, right = judgements(answers, post)
    _, cosine, _, _ = verification(export.load_embedder(), "development", 3.0, cache)
    print(f"development: DER {rate:.4f} with {post}; AUROC {auroc(levels, right):.3f}")
    return {
        "diarizer": {
            "uncertain_confidence": uncertain(levels, right),
            "postprocessing": vars(post),
        },
        "embedder": {"same_voice_cosine": round(cosine, 3)},
    }
