"""Says where the diarizer's confusions come from: from what its encoder hears or from what its head
makes of it.

On frames where one voice speaks alone: how many get another voice's output, and how many k-means
would put with another voice that is told the number of voices and given the encoder's states, or
embeddings of a window around them by the shipped embedder or by the teacher. What embeddings
separate and the states do not is the encoder's to learn; what the states separate and the outputs
do not, the head's. Development voices beside training's show how much of either carries over.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from nemo.collections.asr.models import SortformerEncLabelModel
from rich.progress import track
from rich.table import Table
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans

from deploy.checkpoints import (
    batches,
    corpus,
    export,
    heldout,
    losses,
    measure,
    sortformer,
    titanet,
    voices,
)  # fmt: skip
from deploy.checkpoints.conversations import Conversation
from deploy.checkpoints.heldout import Specification
from deploy.checkpoints.pool import UNCHANGED, PoolVoice
from deploy.checkpoints.sortformer import FRAME_S
from deploy.checkpoints.speech import SAMPLE_RATE
from deploy.checkpoints.teacher import Teacher

SPECIFICATION = replace(Specification(), seed=20261127, speakers=(0, 12, 12, 12), meetings=())
AROUND = 6  # frames: half a second of a voice's states on each side are averaged
WINDOW_S, HOP = 1.5, 6  # embeddings are of this much around every sixth frame

Floats = npt.NDArray[np.float32]
Embed = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Judges:
    """Whose opinions are compared."""

    diarizer: SortformerEncLabelModel
    embedder: Embed
    teacher: Embed


@dataclass(frozen=True)
class Blame:
    """Of a conversation: its speakers, the speaker frames and the frames of one voice, the
    diarizer's errors per speaker frame, and the shares of the frames of one voice that are put with
    another, by the head, by k-means of the states, of the embedder's and of the teacher's windows.
    """

    speakers: int
    spoken: float
    alone: int
    error: float
    confused: tuple[float, float, float, float]


def judges() -> Judges:
    """The shipped files and the teacher."""
    embedder = export.load_embedder()

    @torch.inference_mode()
    def embed(windows: Floats) -> Floats:
        return titanet.embed(embedder, torch.from_numpy(windows)).numpy()

    return Judges(export.load_diarizer(), embed, Teacher().embed)


def table(cache: Path, judges: Judges) -> Table:
    """Errors in percent, by the number of speakers."""
    columns = ("frame error", "head", "states", "embedder", "teacher")
    shown = Table(
        "voices of", "speakers", *columns, title="frames of one voice put with another, %"
    )
    for split in ("development", "train"):
        made = measure.drawn(people(cache, split), SPECIFICATION)
        count = sum(SPECIFICATION.speakers)
        found = defaultdict[str, list[Blame]](list)
        for recording in track(made, split, total=count):
            blamed = judge(recording, judges)
            for key in ("all", str(blamed.speakers)):
                found[key].append(blamed)
        for speakers in sorted(found):
            shown.add_row(split, speakers, *_means(found[speakers]))
    return shown


def people(cache: Path, split: str) -> list[PoolVoice]:
    """Recorded voices, cut as training cuts them."""
    return [
        PoolVoice(voice, UNCHANGED, corpus.load(voice, cache))
        for voice in voices.read()
        if voice.split == split and voice.minutes >= 0.5 and voice.style != "synthetic"
    ]


@torch.inference_mode()
def judge(recording: heldout.Recording, judges: Judges) -> Blame:
    """A conversation of at least two speakers."""
    speakers = recording.entry.speakers
    conversation = Conversation(recording.samples, recording.spans, list(range(speakers)))
    batch = batches.collate(judges.diarizer, [conversation], [])
    encoded, lengths = judges.diarizer.encoder(audio_signal=batch.features, length=batch.lengths)
    states = encoded.transpose(1, 2)
    count = min(states.shape[1], batch.active.shape[1])
    logits = sortformer.head(judges.diarizer, states, lengths)[:, :count]
    said, every = batch.active[:, :count], torch.ones(1, count)
    wrong, spoken = losses.frame_errors(logits, said, every)
    ordered = losses.best_order(logits, said, every)[0]
    alone = said[0].sum(1) == 1
    who = said[0, alone].argmax(1).numpy()
    windows = _windows(recording.samples, np.flatnonzero(alone.numpy())[::HOP])
    return Blame(
        speakers, spoken, len(who), wrong / spoken,
        (
            float((logits[0, alone].argmax(1) != ordered[alone].argmax(1)).float().mean()),
            confused(around(states[0, :count][alone].numpy(), AROUND), who, speakers),
            confused(judges.embedder(windows), who[::HOP], speakers),
            confused(judges.teacher(windows), who[::HOP], speakers),
        ),
    )  # fmt: skip


def _windows(samples: Floats, frames: npt.NDArray[np.int64]) -> Floats:
    length = int(WINDOW_S * SAMPLE_RATE)
    padded = np.pad(samples, length // 2)
    starts = (frames * FRAME_S * SAMPLE_RATE).astype(int)
    return np.stack([padded[start : start + length] for start in starts])


def _means(found: list[Blame]) -> list[str]:
    error = np.average([each.error for each in found], weights=[each.spoken for each in found])
    shares = np.average(
        [each.confused for each in found], axis=0, weights=[each.alone for each in found]
    )
    return [f"{100 * share:.1f}" for share in (error, *shares)]


def around(states: Floats, reach: int) -> Floats:
    """Every row's mean with the ``reach`` rows on each side of it."""
    sums = np.cumsum(np.pad(states.astype(np.float64), ((1, 0), (0, 0))), 0)
    rows = np.arange(len(states))
    low, high = np.maximum(rows - reach, 0), np.minimum(rows + reach + 1, len(states))
    return np.asarray((sums[high] - sums[low]) / (high - low)[:, None], np.float32)


def confused(points: Floats, who: npt.NDArray[np.int64], speakers: int) -> float:
    """The share of points (n, width) that k-means puts with another voice, in its best order."""
    centred = points - points.mean(0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    labels = KMeans(speakers, n_init=10, random_state=0).fit_predict(unit)
    counts = np.zeros((speakers, who.max() + 1))
    np.add.at(counts, (labels, who), 1)
    rows, columns = linear_sum_assignment(-counts)
    return 1 - float(counts[rows, columns].sum()) / len(who)
