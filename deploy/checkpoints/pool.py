"""Training voices in memory: every voice at several speeds, each of which counts as a voice of its
own. Resampled speech moves pitch and formants together, which a speaker encoder hears as somebody
else; it widens the training voices, and two speeds of one person make the hardest pair: the same
channel, another voice.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from deploy.checkpoints import corpus
from deploy.checkpoints.corpus import Speech
from deploy.checkpoints.paths import derived
from deploy.checkpoints.speech import SAMPLE_RATE
from deploy.checkpoints.voices import Voice

SPEEDS = (1.0, 0.82, 0.9, 1.1, 1.22)
LONGEST_S = 8 * 60
SHORTEST_S = 10


@dataclass(frozen=True)
class PoolVoice:
    """One voice at one speed."""

    voice: Voice
    speed: float
    speech: Speech
    # what the teacher hears in frames of 80 ms (``tracks.py``): (frames, 192), (frames, ``DEEP``)
    local: npt.NDArray[np.float16] | None = None
    deep: npt.NDArray[np.float16] | None = None

    @property
    def name(self) -> str:
        """Identifies voice and speed."""
        return f"{self.voice.voice}*{self.speed:g}"

    @property
    def chance(self) -> float:
        """How often it is drawn, relative to others: what is short is soon known by heart, what is
        long teaches hardly more.
        """
        return self.voice.weight * min(self.voice.minutes / 2, 1.5)


def load(voices: list[Voice], cache: Path, speeds: tuple[float, ...] = SPEEDS) -> list[PoolVoice]:
    """All voices at all speeds, from the cache or resampled now; voices with less than
    ``SHORTEST_S`` of speech are left out.
    """
    loaded = [
        PoolVoice(voice, speed, at(voice, speed, cache)) for voice in voices for speed in speeds
    ]
    return [voice for voice in loaded if voice.speech.seconds > SHORTEST_S]


def at(voice: Voice, speed: float, cache: Path) -> Speech:
    """A voice's speech at a speed, from the cache or resampled now."""
    original = corpus.load(voice, cache)
    if speed == 1.0 and original.seconds <= LONGEST_S:
        return original
    stored = derived(cache) / "pool" / f"{voice.voice}*{speed:g}.npz"
    if not stored.exists():
        stored.parent.mkdir(parents=True, exist_ok=True)
        changed = resampled(original, speed)
        np.savez(
            stored, samples=changed.samples, bounds=changed.bounds, recording=changed.recording
        )
    with np.load(stored) as arrays:
        return Speech(arrays["samples"], arrays["bounds"], arrays["recording"])


def resampled(speech: Speech, speed: float) -> Speech:
    """At most ``LONGEST_S`` of the speech, played ``speed`` times as fast (another part for every
    speed).
    """
    count = len(speech.bounds)
    first = int(count * (SPEEDS.index(speed) / len(SPEEDS))) if speech.seconds > LONGEST_S else 0
    chosen, total = list[int](), 0.0
    for step in range(count):
        index = (first + step) % count
        chosen.append(index)
        total += (speech.bounds[index, 1] - speech.bounds[index, 0]) / SAMPLE_RATE
        if total > LONGEST_S:
            break
    parts = [
        soxr.resample(speech.stretch(index), SAMPLE_RATE * speed, SAMPLE_RATE) for index in chosen
    ]
    ends = np.cumsum([len(part) for part in parts])
    bounds = np.stack([np.concatenate(([0], ends[:-1])), ends], 1).astype(np.int64)
    samples = np.clip(np.concatenate(parts) * 32767, -32768, 32767).astype(np.int16)
    return Speech(samples, bounds, speech.recording[chosen])
