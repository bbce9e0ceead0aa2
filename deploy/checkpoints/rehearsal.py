"""Teaches the Sortformer's head to tell voices apart before it hears any.

The head must learn an algorithm: to group frames by voice and to give each group an output.
Learnt from few voices it learns the voices instead (a head trained on cached features of a
hundred voices did not carry over). So it is first trained on made-up voices: random directions,
never the same twice, a frame being its voice's direction plus a drift per turn plus noise,
silence a direction of its own. The encoder is taught at the same time to give such frames for
real speech (``listening.py``); then the two are joined and trained end to end.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from nemo.collections.asr.models import SortformerEncLabelModel

from deploy.checkpoints.sessions import Span, frames
from deploy.checkpoints.sortformer import ENCODER_WIDTH, FRAME_S, SPEAKERS
from deploy.checkpoints.speech import SAMPLE_RATE
from deploy.checkpoints.turns import draw_manner, turns

SILENCE = 0  # the coordinate that means silence


def parts(model: SortformerEncLabelModel) -> torch.nn.ModuleDict:
    """The head: what comes after the encoder."""
    return torch.nn.ModuleDict({"t": model.transformer_encoder, "s": model.sortformer_modules})


def put(file: Path, model: SortformerEncLabelModel) -> None:
    """Load the rehearsed head into a model."""
    parts(model).load_state_dict(torch.load(file, map_location="cpu", weights_only=True))


def activities(
    rng: np.random.Generator, count: int, speakers: int, overlap: bool
) -> npt.NDArray[np.float32]:
    """Who is active in each of ``count`` frames, (count, SPEAKERS), from turn-taking statistics."""
    manner = draw_manner(rng, overlap)
    drawn = turns(rng, speakers, count * FRAME_S, manner)
    spans = [
        Span(
            turn.speaker,
            int(turn.start * SAMPLE_RATE),
            int((turn.start + turn.length) * SAMPLE_RATE),
        )
        for turn in drawn
    ]
    return frames(spans, SPEAKERS, count, FRAME_S)


def batch(
    rng: np.random.Generator, size: int, count: int, most: int, hardness: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames (size, count, width) and activity (size, count, SPEAKERS).

    ``hardness`` in 0..1 raises the noise and the likeness of voices.
    """
    width = ENCODER_WIDTH
    states = np.empty((size, count, width), np.float32)
    active = np.empty((size, count, SPEAKERS), np.float32)
    for row in range(size):
        speakers = int(rng.integers(1, most + 1)) if most > 1 else 1
        active[row] = activities(rng, count, speakers, bool(rng.random() < hardness))
        rank = int(rng.integers(12, width))  # voices spread over few or many directions
        basis = rng.normal(size=(rank, width)) / np.sqrt(rank)
        voices = rng.normal(size=(SPEAKERS, rank)) @ basis
        voices /= np.linalg.norm(voices, axis=1, keepdims=True)
        common = rng.normal(size=width)
        alike = (
            rng.uniform(0, 0.6) * hardness
        )  # share of the energy that all voices here have in common
        voices = np.sqrt(1 - alike) * voices + np.sqrt(alike) * common / np.linalg.norm(common)
        changes = np.cumsum(np.concatenate(([0], np.abs(np.diff(active[row], axis=0)).sum(1) > 0)))
        drift = rng.normal(size=(int(changes[-1]) + 1, width))[changes] / np.sqrt(width)
        noise = rng.normal(size=(count, width)) / np.sqrt(width)
        noise[1:] = 0.7 * noise[1:] + 0.7 * noise[:-1]  # neighbours share their errors
        frame = active[row] @ voices
        total = np.linalg.norm(frame, axis=1, keepdims=True)
        frame = np.where(total > 0, frame / np.maximum(total, 1e-6), 0)
        frame[:, SILENCE] += np.where(total[:, 0] > 0, 0, 1.0)
        amount = rng.uniform(0.1, 0.3 + 1.0 * hardness)
        states[row] = frame + amount * noise + 0.4 * amount * drift
    states -= states.mean(2, keepdims=True)
    states /= states.std(2, keepdims=True)  # the encoder ends with a layer norm
    return torch.from_numpy(states), torch.from_numpy(active)
