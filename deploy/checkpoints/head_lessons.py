"""What the head alone learns from: many short conversations in a step, longer ones towards the end.

One of forty frames asks as much about naming as one of four hundred and costs a tenth; with made-up
voices alone at first, a head learns in minutes to name any groups (`TRIED.md`).
"""

from dataclasses import dataclass

import numpy as np

MADE_UP, BESIDE = 0.35, 0.4  # share of the steps with made-up voices alone; of those voices later
FRAMES, FEWEST = 4200, 6  # frames in a step, and conversations at least
LENGTHS = ((24, 64), (64, 160), (160, 500))  # frames of its conversations
EARLY, LATE, ENDING = (0.6, 0.3, 0.1), (0.35, 0.35, 0.3), 0.8  # chances of those, when which begins


@dataclass(frozen=True)
class Lesson:
    """The conversations of one step."""

    frames: int
    made_up: float  # share of them that made-up voices speak
    hardness: float  # of those

    @property
    def conversations(self) -> int:
        """How many."""
        return max(FEWEST, FRAMES // self.frames)


def draw(rng: np.random.Generator, done: float) -> Lesson:
    """One of a training of which the share ``done`` is over."""
    if done < MADE_UP:
        return Lesson(int(rng.integers(*LENGTHS[0])), 1.0, min(1.0, 0.1 + done / MADE_UP))
    chosen = LENGTHS[rng.choice(len(LENGTHS), p=EARLY if done < ENDING else LATE)]
    return Lesson(int(rng.integers(*chosen)), BESIDE, 1.0)
