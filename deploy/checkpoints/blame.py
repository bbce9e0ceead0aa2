"""Says where the diarizer's confusions come from: from what its encoder hears or from what its head
makes of it.

On frames where one voice speaks alone: how many get another voice's output, and how many k-means
would put with another voice that is given the encoder's states, or the teacher's embeddings, and
the number of voices. What the teacher separates and the states do not is the encoder's to learn;
what the states separate and the outputs do not, the head's. Development voices beside training's
show how much of either carries over.
"""

from collections import defaultdict
from collections.abc import Iterator
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

from deploy.checkpoints import corpus, export, heldout, joint, losses, material, sortformer, voices
from deploy.checkpoints.conversations import Conversation, noises
from deploy.checkpoints.heldout import Specification
from deploy.checkpoints.pool import PoolVoice
from deploy.checkpoints.sessions import Span
from deploy.checkpoints.sortformer import FRAME_S
from deploy.checkpoints.speech import SAMPLE_RATE
from deploy.checkpoints.teacher import Teacher

SPECIFICATION = replace(Specification(), seed=20261127, speakers=(4, 12, 12, 12), meetings=())
AROUND = 6  # frames: half a second of a voice's states on each side are averaged
WINDOW_S, HOP = 1.5, 6  # the teacher hears this much around every sixth frame
ROWS = ("frame error", "head", "k-means of the states", "k-means of the teacher")

Floats = npt.NDArray[np.float32]
Found = dict[tuple[int, str], list[tuple[float, float]]]  # (voices, row): errors and their weights


@dataclass(frozen=True)
class Heard:
    """Of a conversation's frames: states (n, width), activity (n, speakers), logits alike."""

    states: Floats
    active: Floats
    logits: torch.Tensor


def table(cache: Path) -> Table:
    """The shares of frames put with the wrong voice, percent, for the shipped diarizer."""
    model = export.load_diarizer().eval()
    model.preprocessor.featurizer.dither = 0.0
    teacher = Teacher()
    shown = Table("voices of", "speakers", *ROWS, title="frames of one voice put with another, %")
    for split in ("development", "train"):
        found: Found = defaultdict(list)
        for samples, spans, speakers in track(list(_conversations(cache, split)), split):
            heard = _hear(model, Conversation(samples, spans, list(range(speakers))))
            _judge(found, heard, samples, speakers, teacher)
        for speakers in sorted({key for key, _ in found}):
            cells = (_mean(found[speakers, row]) for row in ROWS)
            shown.add_row(split, str(speakers or "all"), *cells)
    return shown


def _conversations(cache: Path, split: str) -> Iterator[tuple[Floats, list[Span], int]]:
    """Conversations as the held-out ones, of recorded voices as training cuts them."""
    everyone = [
        PoolVoice(voice, 1.0, corpus.load(voice, cache))
        for voice in voices.read()
        if voice.split == split and voice.minutes >= 0.5 and voice.style != "synthetic"
    ]
    background = noises(np.random.default_rng(4), material.recorded_noise(("party",)), [])
    for entry in heldout.specify(everyone, SPECIFICATION):
        made = heldout.render(entry, everyone, background, SPECIFICATION)
        yield made.samples, made.spans, entry.speakers


@torch.inference_mode()
def _hear(model: SortformerEncLabelModel, conversation: Conversation) -> Heard:
    nothing = torch.zeros(len(conversation.voices), sortformer.ENCODER_WIDTH)
    batch = joint.collate(model, [conversation], nothing)
    encoded, lengths = model.encoder(audio_signal=batch.features, length=batch.lengths)
    encoded = encoded.transpose(1, 2)
    logits = sortformer.head(model, encoded, lengths)
    count = min(encoded.shape[1], batch.active.shape[1])
    return Heard(encoded[0, :count].numpy(), batch.active[0, :count].numpy(), logits[:, :count])


def _judge(found: Found, heard: Heard, samples: Floats, speakers: int, teacher: Teacher) -> None:
    said = torch.from_numpy(heard.active)[None]
    every = torch.ones(said.shape[:2])
    wrong, spoken = losses.frame_errors(heard.logits, said, every)
    alone = heard.active.sum(1) == 1
    who = heard.active[alone].argmax(1)
    ordered = losses.best_order(heard.logits, said, every)[0].numpy()[alone].argmax(1)
    outputs = heard.logits[0].numpy()[alone].argmax(1)
    errors = {ROWS[0]: (wrong / spoken, spoken), ROWS[1]: (float(np.mean(outputs != ordered)), 0.0)}
    if speakers > 1:
        errors[ROWS[2]] = (confused(around(heard.states[alone], AROUND), who, speakers), 0.0)
        length = int(WINDOW_S * SAMPLE_RATE)
        padded = np.pad(samples, length // 2)
        starts = (np.flatnonzero(alone)[::HOP] * FRAME_S * SAMPLE_RATE).astype(int)
        embedded = teacher.embed(np.stack([padded[at : at + length] for at in starts]))
        errors[ROWS[3]] = (confused(embedded, who[::HOP], speakers), 0.0)
    for row, (share, weight) in errors.items():
        for key in (0, speakers):
            found[key, row].append((share, weight or float(alone.sum())))


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


def _mean(errors: list[tuple[float, float]]) -> str:
    if not errors:
        return ""
    shares, weights = zip(*errors, strict=True)
    return f"{100 * float(np.average(shares, weights=weights)):.1f}"
