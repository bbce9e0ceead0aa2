"""Conversations of made-up voices, as an encoder might hear them: the head learns from them how to
name groups before it hears any voice, and beside those it hears.

The voices of training are few, and an encoder keeps them further apart than voices it does not
know: a head that knows only those takes two unknown voices for one (`TRIED.md`). Here a voice is a
random direction, never the same twice, which may be near to another; a frame is its voice's
direction and noise that neighbours share. What is large and what is small is as in the states of
the diarizer of 3,400 steps.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from deploy.checkpoints.batches import SILENCE
from deploy.checkpoints.sessions import Span, frames
from deploy.checkpoints.sortformer import ENCODER_WIDTH, SPEAKERS
from deploy.checkpoints.speech import SAMPLE_RATE
from deploy.checkpoints.turns import draw_manner, turns

CHANCES = (0.1, 0.25, 0.3, 0.35)  # of 1, 2, 3, 4 voices
SPOKEN_S = (15.0, 35.0)  # of speech in a conversation, however few frames it has
SPEECH, QUIET = 13.5, 20.0  # length of the states of speech; of silence, along its own coordinate
RANK = 80  # directions in which voices and noise differ, from far to hardly
WHITE = 0.5  # noise in all directions, relative to that in these


def batch(
    rng: np.random.Generator, size: int, count: int, hardness: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """States (size, count, encoder width) and activity (size, count, speakers).

    ``hardness`` from 0 to 1 raises the noise, the likeness of voices and the overlap.
    """
    many = 1 + rng.choice(SPEAKERS, size, p=CHANCES)
    active = torch.from_numpy(np.stack([_activity(rng, count, int(n), hardness) for n in many]))
    steep = torch.from_numpy(rng.uniform(0.3, 1.5, size) / rng.integers(10, RANK, size)).float()
    basis = torch.randn(size, RANK, ENCODER_WIDTH)
    basis *= torch.exp(-torch.arange(RANK)[None] * steep[:, None])[..., None]
    basis /= basis.square().sum((1, 2), keepdim=True).sqrt()
    speaks = active.sum(2, keepdim=True) > 0
    loud = _column(rng.uniform(0, 0.12 + 0.5 * hardness, size))
    white = torch.randn(size, count, ENCODER_WIDTH) / ENCODER_WIDTH**0.5
    said = functional.normalize(active @ _voices(rng, basis, hardness), dim=2)
    noise = 0.85 * _noise(basis, count) + WHITE * white
    states = SPEECH * torch.where(speaks, said + loud * noise, 0.1 * white)
    quiet, beside = QUIET + torch.randn(size, count), 0.3 + 0.7 * torch.randn(size, count)
    states[..., SILENCE] = torch.where(speaks[..., 0], beside, quiet)
    return states, active


def _column(drawn: npt.NDArray[np.float64]) -> torch.Tensor:
    return torch.from_numpy(drawn).float()[:, None, None]


def _activity(
    rng: np.random.Generator, count: int, speakers: int, hardness: float
) -> npt.NDArray[np.float32]:
    """Who is active in each of ``count`` frames, (count, speakers), from turn-taking statistics."""
    seconds = float(rng.uniform(*SPOKEN_S))
    manner = draw_manner(rng, bool(rng.random() < hardness))
    spans = [
        Span(
            turn.speaker,
            int(turn.start * SAMPLE_RATE),
            int((turn.start + turn.length) * SAMPLE_RATE),
        )
        for turn in turns(rng, speakers, seconds, manner)
    ]
    return frames(spans, SPEAKERS, count, seconds / count)


def _voices(rng: np.random.Generator, basis: torch.Tensor, hardness: float) -> torch.Tensor:
    """Directions (size, speakers, encoder width): all of a conversation a little alike, two of
    some conversations more so.
    """
    size = len(basis)
    own = functional.normalize(torch.randn(size, SPEAKERS, RANK) @ basis, dim=2)
    common = functional.normalize(torch.randn(size, 1, RANK) @ basis, dim=2)
    alike = _column(rng.uniform(0, 0.2 + 0.65 * hardness, size))
    voices = (1 - alike).sqrt() * own + alike.sqrt() * common
    near = _column(rng.uniform(0.2, 0.6, size) * (rng.random(size) < 0.3 * hardness))[:, 0]
    voices[:, 1] = torch.lerp(voices[:, 1], voices[:, 0], near)
    return functional.normalize(voices, dim=2)


def _noise(basis: torch.Tensor, count: int) -> torch.Tensor:
    """(size, count, encoder width) of a mean square of 1, shared by neighbours."""
    drawn = torch.randn(len(basis), count, RANK)
    for _ in range(2):
        drawn[:, 1:] = 0.7 * (drawn[:, 1:] + drawn[:, :-1])
    noise = drawn @ basis
    return noise / noise.square().sum(2, keepdim=True).mean(1, keepdim=True).sqrt()
