"""Training voices in memory: every voice in several variants, each of which counts as a voice of
its own. Resampled speech moves pitch and formants together, which a speaker encoder hears as
somebody else, and formants move alone too (``formants.py``); it widens the training voices, and two
variants of one person make the hardest pair: the same channel, another voice.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from deploy.checkpoints import corpus, formants
from deploy.checkpoints.corpus import Speech
from deploy.checkpoints.paths import derived
from deploy.checkpoints.speech import SAMPLE_RATE, Samples
from deploy.checkpoints.voices import Voice

LONGEST_S = 8 * 60
SHORTEST_S = 10
UNKNOWN_HZ = 165.0


@dataclass(frozen=True)
class Variant:
    """What is done to a voice: it is played ``speed`` times as fast, and its formants then put
    ``formants`` times as high.
    """

    speed: float = 1.0
    formants: float = 1.0

    def __str__(self) -> str:
        return f"{self.speed:g}" + (f"*{self.formants:g}" if self.formants != 1.0 else "")

    @property
    def tract(self) -> float:
        """How high the formants are, of the voice's own."""
        return self.speed * self.formants


UNCHANGED = Variant()
VARIANTS = (
    UNCHANGED, Variant(0.82), Variant(0.9), Variant(1.1), Variant(1.22),
    Variant(1.0, 1.16), Variant(1.0, 0.86), Variant(1.3, 0.9), Variant(0.77, 1.12),
    Variant(1.15, 1.08), Variant(0.87, 0.92),
    Variant(0.82, 1.22), Variant(0.9, 1.22), Variant(1.1, 0.86), Variant(1.22, 0.86),
    Variant(1.3), Variant(0.75), Variant(1.3, 0.8), Variant(0.77, 1.24), Variant(1.0, 1.27),
    Variant(0.95, 0.83),
)  # fmt: skip


@dataclass(frozen=True)
class PoolVoice:
    """One variant of one voice."""

    voice: Voice
    variant: Variant
    speech: Speech
    # what the teacher hears in frames of 80 ms (``tracks.py``): (frames, 192), (frames, ``DEEP``)
    local: npt.NDArray[np.float16] | None = None
    deep: npt.NDArray[np.float16] | None = None

    @property
    def pitch_hz(self) -> float:
        """Of the variant; where the voice has none that could be measured, one between."""
        return (self.voice.pitch_hz or UNKNOWN_HZ) * self.variant.speed

    @property
    def chance(self) -> float:
        """How often it is drawn, relative to others: what is short is soon known by heart, what is
        long teaches hardly more.
        """
        return self.voice.weight * min(self.voice.minutes / 2, 1.5)


def load(
    voices: list[Voice], cache: Path, variants: tuple[Variant, ...] = (UNCHANGED,)
) -> list[PoolVoice]:
    """All voices in all variants, from the cache or made now; voices with less than
    ``SHORTEST_S`` of speech are left out.
    """
    loaded = [
        PoolVoice(voice, variant, at(voice, variant, cache))
        for voice in voices
        for variant in variants
    ]
    return [voice for voice in loaded if voice.speech.seconds > SHORTEST_S]


def at(voice: Voice, variant: Variant, cache: Path) -> Speech:
    """A variant of a voice's speech, from the cache or made now."""
    original = corpus.load(voice, cache)
    if variant == UNCHANGED and original.seconds <= LONGEST_S:
        return original
    stored = derived(cache) / "pool" / f"{voice.voice}*{variant}.npz"
    if not stored.exists():
        stored.parent.mkdir(parents=True, exist_ok=True)
        made = changed(original, variant)
        np.savez(stored, samples=made.samples, bounds=made.bounds, recording=made.recording)
    with np.load(stored) as arrays:
        return Speech(arrays["samples"], arrays["bounds"], arrays["recording"])


def changed(speech: Speech, variant: Variant) -> Speech:
    """At most ``LONGEST_S`` of the speech in that variant (another part for every variant)."""
    count = len(speech.bounds)
    share = VARIANTS.index(variant) / len(VARIANTS) if speech.seconds > LONGEST_S else 0
    first = int(count * share)
    chosen, total = list[int](), 0.0
    for step in range(count):
        index = (first + step) % count
        chosen.append(index)
        total += (speech.bounds[index, 1] - speech.bounds[index, 0]) / SAMPLE_RATE
        if total > LONGEST_S:
            break
    parts = [_changed(speech.stretch(index), variant) for index in chosen]
    ends = np.cumsum([len(part) for part in parts])
    bounds = np.stack([np.concatenate(([0], ends[:-1])), ends], 1).astype(np.int64)
    samples = np.clip(np.concatenate(parts) * 32767, -32768, 32767).astype(np.int16)
    return Speech(samples, bounds, speech.recording[chosen])


def _changed(samples: Samples, variant: Variant) -> Samples:
    played: Samples = soxr.resample(samples, SAMPLE_RATE * variant.speed, SAMPLE_RATE)
    return played if variant.formants == 1.0 else formants.moved(played, variant.formants)
