"""Everything a training needs, from the cache or made now: voices, rooms, noise, teacher's
centroids, development set.
"""

import importlib.util
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deploy.checkpoints import pool, speech, teacher, voices
from deploy.checkpoints.conversations import Conversation, Conversations, Difficulty, noises, spaces
from deploy.checkpoints.paths import derived
from deploy.checkpoints.pool import PoolVoice
from deploy.checkpoints.reservoir import Reservoir
from deploy.checkpoints.speech import Samples
from deploy.checkpoints.windows import Blocks

ROOMS = 120


def training_voices(cache: Path, most: int | None = None) -> list[PoolVoice]:
    """The pool of training voices; ``most`` keeps only the first voices (for the quick run)."""
    chosen = [voice for voice in voices.read() if voice.split == "train"]
    return pool.load(chosen[:most], cache)


def recorded_noise(names: tuple[str, ...]) -> list[Samples]:
    """Backgrounds that ship in the wheel phonlab (BSD-3): babble, party, restaurant. None where it
    is missing.
    """
    found = importlib.util.find_spec("phonlab")
    if found is None or not found.submodule_search_locations:
        return []
    folder = Path(found.submodule_search_locations[0]) / "data" / "noise"
    return [speech.decode(folder / f"{name}.wav") for name in names]


def centroids(voices: list[PoolVoice], cache: Path, windows: int = 5) -> npt.NDArray[np.float32]:
    """The teacher's mean embedding (voices, 192) of each pool voice, over windows of 3 s."""
    stored = derived(cache) / "centroids.npz"
    known: dict[str, npt.NDArray[np.float32]] = {}
    if stored.exists():
        with np.load(stored) as arrays:
            known = {name: arrays[name] for name in arrays.files}
    missing = [voice for voice in voices if voice.name not in known]
    if missing:
        encoder = teacher.Teacher()
        for voice in missing:
            spoken = voice.speech
            step = max(1, len(spoken.bounds) // 60)
            cut = teacher.windows(
                [spoken.stretch(i) for i in range(0, len(spoken.bounds), step)], 3.0
            )
            known[voice.name] = encoder.embed(cut[:windows]).mean(0)
        np.savez(stored, **known)  # type: ignore[arg-type]
    return np.stack([known[voice.name] for voice in voices])


def source(voices: list[PoolVoice], seed: int = 1) -> Conversations:
    """The training conversations' source."""
    rng = np.random.default_rng(seed)
    recorded = recorded_noise(("babble", "party"))
    return Conversations(voices, spaces(rng, ROOMS), noises(rng, recorded, voices))


def development(cache: Path, count: int = 36, seconds: float = 24.0) -> list[Conversation]:
    """Fixed conversations of the development voices: 2 to 4 speakers in turn, own rooms."""
    spoken = pool.load(
        [voice for voice in voices.read() if voice.split == "development"], cache, (1.0,)
    )
    rng = np.random.default_rng(2)
    drawer = Conversations(
        spoken, spaces(rng, 12), noises(rng, recorded_noise(("restaurant",)), spoken)
    )
    drawn = []
    for index in range(count):
        share = tuple(1.0 if speakers == 1 + index % 3 else 0.0 for speakers in range(4))
        drawn.append(
            drawer.draw(
                rng,
                seconds,
                Difficulty(share, opus=0.0, band=0.15, same_package=0.0, same_person=0.0),
            )
        )
    return drawn


def block_chances(taught: Blocks, voices: list[PoolVoice]) -> npt.NDArray[np.float64]:
    """How often each block is drawn: by its voice's chance, a long voice not in proportion to its
    length.
    """
    counts = np.bincount(taught.voice)
    chances = np.array([voices[voice].chance / np.sqrt(counts[voice]) for voice in taught.voice])
    return np.asarray(chances / chances.sum(), np.float64)


def reservoir(taught: Blocks, voices: list[PoolVoice]) -> Reservoir:
    """The embedder's blocks; fresh ones come from the voices at their own speed."""
    own = [entry for entry in voices if entry.speed == 1.0]
    weights = np.array([entry.chance for entry in own])
    return Reservoir(
        taught, block_chances(taught, voices), [entry.speech for entry in own], weights
    )


def development_windows(cache: Path, seconds: float = 3.0) -> list[npt.NDArray[np.float32]]:
    """Windows (n, samples) of each development voice."""
    spoken = pool.load(
        [voice for voice in voices.read() if voice.split == "development"], cache, (1.0,)
    )
    cut = (
        teacher.windows([entry.speech.stretch(i) for i in range(len(entry.speech.bounds))], seconds)
        for entry in spoken
    )
    return [rows[:24] for rows in cut]
