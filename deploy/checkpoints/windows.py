"""Windows of speech through channels of every kind: what the teacher and the TitaNet hear."""

import numpy as np
import soxr

from deploy.checkpoints.conversations import BANDS, telephone
from deploy.checkpoints.pool import PoolVoice
from deploy.checkpoints.sessions import Acoustics, mix
from deploy.checkpoints.speech import SAMPLE_RATE, Samples

SECONDS = 3.5
SPEEDS = (0.78, 1.3)  # to the teacher, another speed is another voice


class Windows:
    """Draws windows without end: a passage of a voice at some speed, sometimes with another voice
    behind it, in a room, in noise, on the telephone.
    """

    def __init__(
        self, voices: list[PoolVoice], spaces: list[list[Samples]], noises: list[Samples]
    ) -> None:
        self.synthetic = [voice.voice.style == "synthetic" for voice in voices]
        self._speech = [voice.speech.samples for voice in voices]
        chances = np.array([voice.chance for voice in voices])
        self._chances = chances / chances.sum()
        self._spaces, self._noises = spaces, noises

    def __len__(self) -> int:
        """How many voices there are."""
        return len(self._speech)

    def draw(self, rng: np.random.Generator) -> Samples:
        """One window of ``SECONDS``, its peak at 0.9."""
        window = self._any(rng)
        if rng.random() < 0.15:
            other = self._any(rng)
            level = np.sqrt(np.mean(window**2) / (np.mean(other**2) + 1e-9))
            window = window + other * np.float32(level * 10 ** (-rng.uniform(0, 15) / 20))
        return self._through(rng, window)

    def of(self, rng: np.random.Generator, voice: int, seconds: float) -> Samples:
        """A window of one voice, by its position, at its own speed and with nobody behind it."""
        return self._through(rng, self._passage(rng, voice, seconds, 1.0))

    def _through(self, rng: np.random.Generator, window: Samples) -> Samples:
        noisy = rng.random() < 0.5
        space = self._spaces[int(rng.integers(len(self._spaces)))] if rng.random() < 0.35 else None
        acoustics = Acoustics(
            responses=[space[int(rng.integers(len(space)))]] if space else None,
            colour_db=float(rng.uniform(0, 10)) if rng.random() < 0.7 else 0.0,
            band=BANDS[int(rng.integers(len(BANDS)))] if rng.random() < 0.25 else None,
            snr_db=float(rng.uniform(5, 35)) if noisy else None,
        )
        noise = self._noises[int(rng.integers(len(self._noises)))] if noisy else None
        window = mix(rng, [window], acoustics, noise)
        if rng.random() < 0.2:
            window = telephone(window)
        return np.asarray(window * (0.9 / max(float(np.abs(window).max()), 1e-6)), np.float32)

    def _any(self, rng: np.random.Generator) -> Samples:
        voice = int(rng.choice(len(self._speech), p=self._chances))
        speed = float(np.exp(rng.uniform(*np.log(SPEEDS)))) if rng.random() < 0.7 else 1.0
        return self._passage(rng, voice, SECONDS, speed)

    def _passage(
        self, rng: np.random.Generator, voice: int, seconds: float, speed: float
    ) -> Samples:
        samples = self._speech[voice]
        length = int(seconds * SAMPLE_RATE)
        needed = int(length * speed) + 400
        start = int(rng.integers(max(1, len(samples) - needed)))
        passage = samples[start : start + needed].astype(np.float32) / 32768
        return np.resize(soxr.resample(passage, SAMPLE_RATE * speed, SAMPLE_RATE), length)
