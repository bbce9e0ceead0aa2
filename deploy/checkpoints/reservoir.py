"""Speech the teacher has heard, growing while the student learns.

A few blocks of few people teach a student which of them speaks, not what the teacher hears: the
error on other voices stops falling early. So every step the teacher answers for a few fresh blocks:
another passage, played at any speed between 0.8 and 1.3, which to the teacher is another voice.
"""

import numpy as np
import numpy.typing as npt
import soxr
import torch
from torch.nn import functional

from deploy.checkpoints.corpus import Speech
from deploy.checkpoints.speech import SAMPLE_RATE
from deploy.checkpoints.teacher import Teacher
from deploy.checkpoints.windows import BLOCK_S, Blocks, centre, targets

FRESH = -1  # the voice index of a block that belongs to no training class


class Reservoir:
    """Blocks of speech and what the student shall answer; the oldest fresh ones make room."""

    def __init__(
        self,
        taught: Blocks,
        chances: npt.NDArray[np.float64],
        speech: list[Speech],
        weights: npt.NDArray[np.float64],
        most_fresh: int = 12_000,
    ) -> None:
        """``chances`` is per known block; fresh ones come from ``speech`` by ``weights``."""
        self._encoder, self._speech, self._weights = Teacher(), speech, weights / weights.sum()
        known = len(taught.voice)
        wanted = targets(taught)
        self.directions = wanted.voices
        self._centre = centre(taught)
        self._known, self._most, self._fresh = known, most_fresh, 0
        self._chances = chances
        self.audio = np.zeros((known + most_fresh, taught.audio.shape[1]), np.int16)
        self.audio[:known] = taught.audio
        self.voice = np.full(known + most_fresh, FRESH)
        self.voice[:known] = taught.voice
        self.wanted = torch.zeros(known + most_fresh, wanted.blocks.shape[1])
        self.wanted[:known] = wanted.blocks

    def draw(self, rng: np.random.Generator, size: int) -> npt.NDArray[np.int64]:
        """Indices of blocks, the fresh and the known in proportion to their number."""
        there = min(self._fresh, self._most)
        fresh = int(rng.binomial(size, there / (there + self._known)))
        old = rng.choice(self._known, size - fresh, p=self._chances)
        return np.concatenate([old, self._known + rng.integers(0, max(there, 1), fresh)])

    def grow(self, rng: np.random.Generator, count: int) -> None:
        """Let the teacher answer for ``count`` fresh blocks."""
        length = int(BLOCK_S * SAMPLE_RATE)
        cut = np.empty((count, length), np.float32)
        for row in range(count):
            samples = self._speech[int(rng.choice(len(self._speech), p=self._weights))].samples
            speed = float(np.exp(rng.uniform(np.log(0.8), np.log(1.3))))
            needed = int(length * speed) + 400
            start = int(rng.integers(max(1, len(samples) - needed)))
            piece = samples[start : start + needed].astype(np.float32) / 32768
            cut[row] = np.resize(soxr.resample(piece, SAMPLE_RATE * speed, SAMPLE_RATE), length)
        heard = torch.from_numpy(self._encoder.embed(cut) - self._centre)
        answers = functional.normalize(heard, dim=1)
        for row in range(count):
            place = self._known + self._fresh % self._most
            self.audio[place] = np.clip(cut[row] * 32767, -32768, 32767).astype(np.int16)
            self.wanted[place] = answers[row]
            self._fresh += 1
