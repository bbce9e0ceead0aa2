"""Diarization error of a checkpoint on conversations: collar 0, overlap scored, by number of
speakers.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import torch
from nemo.collections.asr.models import SortformerEncLabelModel
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate

from deploy.checkpoints.sessions import Span
from deploy.checkpoints.speech import SAMPLE_RATE, Samples

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PostProcessing:
    """How probabilities become segments; names and meaning are NeMo's, seconds."""

    onset: float = 0.5
    offset: float = 0.5
    pad_onset: float = 0.0
    pad_offset: float = 0.0
    min_duration_on: float = 0.0
    min_duration_off: float = 0.0


@dataclass(frozen=True)
class Score:
    """Seconds of reference speech and of each kind of error."""

    speech: float = 0.0
    missed: float = 0.0
    false_alarm: float = 0.0
    confusion: float = 0.0

    def __add__(self, other: "Score") -> "Score":
        values = (
            (getattr(self, field.name) + getattr(other, field.name)) for field in fields(self)
        )
        return Score(*values)

    @property
    def rate(self) -> float:
        """The diarization error rate."""
        return (self.missed + self.false_alarm + self.confusion) / max(self.speech, 1e-9)


@torch.inference_mode()
def probabilities(model: SortformerEncLabelModel, samples: Samples) -> Probabilities:
    """Speaker probabilities (frames, speakers) of one recording, fp32, as NeMo's offline path gives
    them.
    """
    audio = torch.from_numpy(samples)[None]
    found = model.forward(audio_signal=audio, audio_signal_length=torch.tensor([audio.shape[1]]))
    return np.asarray(found[0].numpy(), np.float32)


def turned_on(row: Probabilities, post: PostProcessing) -> Iterator[tuple[int, int]]:
    """Frames (start, end) between a rise over the onset and a fall under the offset."""
    start: int | None = None
    for frame, value in enumerate(row):
        if start is None and value > post.onset:
            start = frame
        elif start is not None and value < post.offset:
            yield start, frame
            start = None
    if start is not None:
        yield start, len(row)


def segments(
    probability: Probabilities, post: PostProcessing, step: float = 0.08
) -> list[tuple[int, float, float]]:
    """(speaker, start, end) in seconds: hysteresis, padding, short speech dropped, short gaps
    filled.
    """
    result: list[tuple[int, float, float]] = []
    for speaker in range(probability.shape[1]):
        merged: list[list[float]] = []
        for first, last in turned_on(probability[:, speaker], post):
            start, end = max(0.0, first * step - post.pad_onset), last * step + post.pad_offset
            if merged and start <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([start, end])
        filled: list[list[float]] = []
        for start, end in (pair for pair in merged if pair[1] - pair[0] >= post.min_duration_on):
            if filled and start - filled[-1][1] < post.min_duration_off:
                filled[-1][1] = end
            else:
                filled.append([start, end])
        result.extend((speaker, start, end) for start, end in filled)
    return result


def score(reference: list[Span], found: list[tuple[int, float, float]], seconds: float) -> Score:
    """The errors of one recording."""
    truth, guess = Annotation(), Annotation()
    for index, span in enumerate(reference):
        truth[Segment(span.start / SAMPLE_RATE, span.end / SAMPLE_RATE), index] = f"r{span.speaker}"
    for index, (speaker, start, end) in enumerate(found):
        guess[Segment(start, min(end, seconds)), index] = f"h{speaker}"
    metric = DiarizationErrorRate(collar=0.0, skip_overlap=False)
    parts = metric(
        truth.support(), guess.support(), uem=Timeline([Segment(0, seconds)]), detailed=True
    )
    return Score(
        parts["total"], parts["missed detection"], parts["false alarm"], parts["confusion"]
    )


def table(scores: Iterable[tuple[int, Score]]) -> dict[str, Score]:
    """Sums by number of speakers, and over all."""
    sums: dict[str, Score] = {}
    for speakers, entry in scores:
        for key in ("all", str(speakers)):
            sums[key] = sums.get(key, Score()) + entry
    return dict(sorted(sums.items()))


def lines(sums: dict[str, Score]) -> str:
    """The table as text, in percent of the reference's speech."""
    rows = [f"{'voices':>8} {'DER':>7} {'missed':>7} {'false':>7} {'confus.':>7}"]
    for key, entry in sums.items():
        scale = 100 / max(entry.speech, 1e-9)
        parts = (
            entry.rate * 100,
            entry.missed * scale,
            entry.false_alarm * scale,
            entry.confusion * scale,
        )
        rows.append(f"{key:>8} " + " ".join(f"{value:7.2f}" for value in parts))
    return "\n".join(rows)


def confidence(row: Probabilities, start: float, end: float, seconds: float) -> float:
    """Mean probability over a segment's frames, by the service's rule."""
    rate = len(row) / seconds
    first = min(math.floor(start * rate), len(row) - 1)
    last = min(max(first + 1, math.ceil(end * rate)), len(row))
    return float(row[first:last].mean())
