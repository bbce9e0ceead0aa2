"""Windows that the teacher has heard, growing while the student learns.

The student shall answer what the teacher answers to the very same window, noise and all, and inside
what the teacher has before it pools (Romero et al., "FitNets: Hints for Thin Deep Nets", 2015;
Beyer et al., "Knowledge distillation: A good teacher is patient and consistent", 2022); and other
windows shall be as near to its answer as they are to the teacher's. Until 7,000
steps it was to answer, whatever it heard, what the teacher said of clean speech of the same
voice, among known voices by softmax: that teaches who of a few hundred speaks.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from deploy.checkpoints.speech import SAMPLE_RATE
from deploy.checkpoints.teacher import DIMENSIONS, Teacher
from deploy.checkpoints.windows import SECONDS, Windows

OTHERS = 1500


@dataclass(frozen=True)
class Heard:
    """Windows ``audio`` (n, samples), the teacher's ``embedding`` less its mean, of unit length
    (n, 192), and its ``frames`` (n, 512, frames of 20 ms) before it pools, each channel of mean 0
    and deviation 1.
    """

    audio: torch.Tensor
    embedding: torch.Tensor
    frames: torch.Tensor
    others: torch.Tensor  # (m, 192): the teacher's embeddings of other windows


class Reservoir:
    """Keeps the last ``most`` windows; begins with ``first``."""

    def __init__(
        self, windows: Windows, rng: np.random.Generator, most: int = 7000, first: int = 400
    ) -> None:
        self._windows, self._teacher, self._most, self._count = windows, Teacher(), most, 0
        self._audio = np.zeros((most, int(SECONDS * SAMPLE_RATE)), np.int16)
        self._embedding = torch.zeros(most, DIMENSIONS)
        self._centre = torch.zeros(DIMENSIONS)
        self._frames = torch.zeros(0)
        self.grow(rng, first)
        # where the student is unsure it answers the mean: it must not make voices alike
        self._centre = self._embedding[:first].mean(0)
        self._embedding[:first] = functional.normalize(self._embedding[:first] - self._centre)
        known = self._frames[:first].float()
        self._mean = known.mean((0, 2))[:, None]
        self._deviation = known.std((0, 2)).clamp(min=1e-2)[:, None]

    def grow(self, rng: np.random.Generator, count: int) -> None:
        """Let the teacher hear ``count`` fresh windows."""
        audio = np.stack([self._windows.draw(rng) for _ in range(count)])
        embedding, frames = self._teacher.frames(audio)
        if not len(self._frames):
            self._frames = torch.zeros(self._most, *frames.shape[1:], dtype=torch.float16)
        places = (self._count + np.arange(count)) % self._most
        self._audio[places] = (audio * 32767).astype(np.int16)
        self._embedding[places] = self._centred(embedding)
        self._frames[places] = frames.to(torch.float16)
        self._count += count

    def answers(self, audio: npt.NDArray[np.float32]) -> torch.Tensor:
        """What the student shall answer to windows (n, samples): unit embeddings (n, 192)."""
        return self._centred(torch.from_numpy(self._teacher.embed(audio)))

    def _centred(self, embedding: torch.Tensor) -> torch.Tensor:
        return functional.normalize(functional.normalize(embedding, dim=1) - self._centre, dim=1)

    def draw(self, rng: np.random.Generator, size: int) -> Heard:
        """Any ``size`` of them."""
        chosen: npt.NDArray[np.int64] = rng.integers(0, min(self._count, self._most), size)
        others = rng.integers(0, min(self._count, self._most), OTHERS)
        return Heard(
            torch.from_numpy(self._audio[chosen].astype(np.float32) / 32768),
            self._embedding[chosen],
            (self._frames[chosen].float() - self._mean) / self._deviation,
            self._embedding[others],
        )
