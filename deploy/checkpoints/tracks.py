"""What the teacher hears of every training voice, frame by frame: where the encoder's states should
point.

The direction of a whole voice, which it was until 17,000 steps, teaches who speaks; a few hundred
voices are soon known by heart, and others are not heard any better. What the teacher hears around a
frame teaches how to listen.
"""

from pathlib import Path

import numpy as np

from deploy.checkpoints import pool, teacher
from deploy.checkpoints.corpus import Speech
from deploy.checkpoints.paths import derived
from deploy.checkpoints.pool import SHORTEST_S, SPEEDS, PoolVoice
from deploy.checkpoints.speech import SAMPLE_RATE
from deploy.checkpoints.voices import Voice

SECONDS = 70.0  # of each voice at each speed


def load(voices: list[Voice], cache: Path, speeds: tuple[float, ...] = SPEEDS) -> list[PoolVoice]:
    """All voices at all speeds with what the teacher hears, from the cache or asked now."""
    listener = _Listener(cache)
    loaded = [listener.load(voice, speed) for voice in voices for speed in speeds]
    return [voice for voice in loaded if voice.speech.seconds > SHORTEST_S]


class _Listener:
    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._teacher: teacher.Teacher | None = None

    def load(self, voice: Voice, speed: float) -> PoolVoice:
        stored = derived(self._cache) / "tracks" / f"{voice.voice}*{speed:g}.npz"
        if not stored.exists():
            stored.parent.mkdir(parents=True, exist_ok=True)
            self._teacher = self._teacher or teacher.Teacher()
            whole = pool.at(voice, speed, self._cache)
            speech = shortened(whole, sum(map(ord, f"{voice.voice}*{speed:g}")))
            local = self._teacher.local(np.asarray(speech.samples / 32768, np.float32))
            np.savez(
                stored, samples=speech.samples, bounds=speech.bounds,
                recording=speech.recording, local=local,
            )  # fmt: skip
        with np.load(stored) as arrays:
            speech = Speech(arrays["samples"], arrays["bounds"], arrays["recording"])
            return PoolVoice(voice, speed, speech, arrays["local"])


def shortened(speech: Speech, seed: int) -> Speech:
    """``SECONDS`` of consecutive stretches, from a random one on, joined without what lies between
    them.
    """
    first = int(np.random.default_rng(seed).integers(len(speech.bounds)))
    order = np.roll(np.arange(len(speech.bounds)), -first)
    lengths = speech.bounds[order, 1] - speech.bounds[order, 0]
    count = int(np.searchsorted(np.cumsum(lengths), SECONDS * SAMPLE_RATE, side="right")) + 1
    order, lengths = order[:count], lengths[:count]
    samples = np.concatenate([speech.samples[slice(*speech.bounds[index])] for index in order])
    ends = np.cumsum(lengths)
    return Speech(samples, np.stack([ends - lengths, ends], 1), speech.recording[order])
