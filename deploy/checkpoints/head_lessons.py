"""What the head alone learns from: many short conversations in a step, longer ones towards the end.

One of forty frames asks as much about naming as one of four hundred and costs a tenth; with made-up
voices alone at first, a head learns in minutes to name any groups (`TRIED.md`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from deploy.checkpoints import kept, made_up
from deploy.checkpoints.kept import Kept

MADE_UP, BESIDE = 0.35, 0.25  # share of the steps with made-up voices alone; of those voices later
FRAMES, FEWEST = 4200, 6  # frames in a step, and conversations at least
LENGTHS = ((24, 64), (64, 160), (160, 500))  # frames of its conversations
EARLY, LATE, ENDING = (0.6, 0.3, 0.1), (0.35, 0.35, 0.3), 0.8  # chances of those, when which begins
WEIGHTS = {"diarize": 1.0, "intermediate": 0.5, "attention": 0.3}  # of the losses


@dataclass(frozen=True)
class Lesson:
    """The conversations of one step."""

    frames: int
    made_up: float  # share of them that made-up voices speak
    hardness: float  # of those
    conversations: int

    @property
    def imagined(self) -> int:
        """How many of the conversations made-up voices speak."""
        return round(self.conversations * self.made_up)

    @property
    def heard(self) -> int:
        """How many of them an encoder has heard."""
        return self.conversations - self.imagined


def draw(rng: np.random.Generator, done: float) -> Lesson:
    """One of a training of which the share ``done`` is over."""
    if done < MADE_UP:
        return _lesson(rng, LENGTHS[0], FRAMES, 1.0, min(1.0, 0.1 + done / MADE_UP))
    chosen = LENGTHS[rng.choice(len(LENGTHS), p=EARLY if done < ENDING else LATE)]
    return _lesson(rng, chosen, FRAMES, BESIDE, 1.0)


def aside(rng: np.random.Generator, frames: int) -> Lesson:
    """One of about ``frames`` frames, beside whole conversations."""
    return _lesson(rng, LENGTHS[rng.choice(len(LENGTHS), p=EARLY)], frames, BESIDE, 1.0)


def _lesson(
    rng: np.random.Generator, lengths: tuple[int, int], total: int, made_up: float, hardness: float
) -> Lesson:
    frames = int(rng.integers(*lengths))
    return Lesson(frames, made_up, hardness, max(FEWEST, total // frames))


def batch(
    lesson: Lesson, told: Sequence[Kept], rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """States (conversations, frames, encoder width) and activity (conversations, frames, speakers);
    what is heard is put together from ``told``.
    """
    states, active = made_up.batch(rng, lesson.imagined, lesson.frames, lesson.hardness)
    if lesson.heard == 0:
        return states, active
    others, speak = kept.draw(told, rng, lesson.heard, lesson.frames)
    return torch.cat([states, others]), torch.cat([active, speak])


def loss(lacks: dict[str, torch.Tensor]) -> torch.Tensor:
    """What the head lacks (``naming.py``), weighted."""
    return sum((WEIGHTS[name] * part for name, part in lacks.items()), torch.zeros(()))
