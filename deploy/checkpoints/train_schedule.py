"""The learning rate of a run: warm-up, flat, cosine to a floor."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Schedule:
    """Steps and rates; a run that is continued later gets a longer schedule and the same state."""

    steps: int
    rate: float = 1e-3
    warm_up: int = 200
    flat: float = 0.5  # share of the steps before the rate begins to fall
    floor: float = 0.05  # of the rate, at the end
    start: int = 0  # the step at which this run began: warm-up and cosine count from here

    def at(self, step: int) -> float:
        """The learning rate at a step."""
        gone, whole = step - self.start, max(1, self.steps - self.start)
        if gone < self.warm_up:
            return self.rate * (gone + 1) / self.warm_up
        done = min(1.0, max(0.0, gone / whole - self.flat) / (1 - self.flat))
        return self.rate * (self.floor + (1 - self.floor) * 0.5 * (1 + float(np.cos(np.pi * done))))
