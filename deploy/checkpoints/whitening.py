"""What varies within a voice made even, in the TitaNet's last layer.

Within-class covariance normalisation (Hatch, Kajarekar and Stolcke, "Within-class covariance
normalization for SVM-based speaker recognition", 2006): where a voice changes most, from window to
window, a difference says least. Training does not know that, since it has the teacher's answers and
not the voices. What comes out is linear, so that it costs nothing where the model is used.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from nemo.collections.asr.models import EncDecSpeakerLabelModel
from numpy.typing import NDArray
from rich.progress import track

from deploy.checkpoints import titanet
from deploy.checkpoints.windows import Windows

COUNT = 40  # windows of a voice
SECONDS = (0.6, 4.5)  # of a window; short ones are as likely as long ones, by octaves
# added to the variance of every direction, of which the mean is 1. By 0.3 voices are told apart as
# well, but two people of the sample meeting would count as one voice (TRIED.md)
KEPT = 1.0

Rows = NDArray[np.float64]


def whiten(model: EncDecSpeakerLabelModel, windows: Windows, seed: int = 0) -> None:
    """Change the last layer by what ``windows`` of each of their voices vary, in place."""
    rng = np.random.default_rng(seed)
    people, synthetic = list[Rows](), list[Rows]()
    for voice in track(range(len(windows)), "What varies within a voice"):
        drawn = [windows.of(rng, voice, _length(rng)) for _ in range(COUNT)]
        group = synthetic if windows.synthetic[voice] else people
        group.append(np.stack([_embedding(model, window) for window in drawn]))
    fold(model, *normalisation([group for group in (people, synthetic) if group]))


def normalisation(groups: Sequence[Sequence[Rows]]) -> tuple[Rows, Rows]:
    """The mean (dimensions,) of embeddings, and the symmetric matrix that makes even what varies
    within the voices, of which each has rows (windows, dimensions).

    Every group weighs the same, and every voice within it: the table has several times as many
    synthetic voices as people, and by those alone people are told apart worse (TRIED.md).
    """
    mean = np.mean([np.mean([own.mean(0) for own in voices], 0) for voices in groups], 0)
    within = np.mean([np.mean([np.cov(own.T) for own in voices], 0) for voices in groups], 0)
    variances, directions = np.linalg.eigh(within * (len(within) / np.trace(within)))
    return mean, (directions * (variances + KEPT) ** -0.5) @ directions.T


def fold(model: EncDecSpeakerLabelModel, mean: Rows, matrix: Rows) -> None:
    """Let the model give ``matrix @ (embedding - mean)`` instead of its embedding."""
    last: Any = model.decoder.emb_layers[-1][-1]
    weight, bias = last.weight.data.double(), last.bias.data.double()
    turn = torch.from_numpy(matrix)
    last.weight.data = torch.einsum("ij,jkl->ikl", turn, weight).to(last.weight.dtype)
    last.bias.data = (turn @ (bias - torch.from_numpy(mean))).to(last.bias.dtype)


def _length(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(SECONDS))))


@torch.inference_mode()
def _embedding(model: EncDecSpeakerLabelModel, window: NDArray[np.float32]) -> Rows:
    return titanet.raw(model, torch.from_numpy(window)[None])[0].double().numpy()
