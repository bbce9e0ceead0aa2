"""Recordings in which nobody speaks: a muted line, the hiss of a microphone, a room's background.

What is heard is taken relative to a recording's own level, so that without such recordings the
faintest hiss becomes a voice.
"""

import numpy as np

from deploy.checkpoints.speech import Samples

MUTED = 0.25  # chance of digital silence
HISS, LOUD = -96.0, -10.0  # dBFS: the faintest sound that 16 bits know, and the loudest here


def draw(rng: np.random.Generator, noises: list[Samples], samples: int) -> Samples:
    """One of them, as long as asked for, in steps of 16 bits."""
    if not noises or rng.random() < MUTED:
        return np.zeros(samples, np.float32)
    noise = noises[int(rng.integers(len(noises)))]
    heard = np.resize(np.roll(noise, -int(rng.integers(len(noise)))), samples)
    level = 10 ** (rng.uniform(HISS, LOUD) / 20) / (np.sqrt(np.mean(heard**2)) + 1e-9)
    return np.asarray((np.rint(heard * level * 32768) / 32768).clip(-1, 1), np.float32)
