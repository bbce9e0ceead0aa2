"""What trainings need, from the cache or made now: voices, rooms, noise, development set."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deploy.checkpoints import corpus, pool, speech, teacher, voices
from deploy.checkpoints.conversations import (
    Conversation,
    Conversations,
    Difficulty,
    Sources,
    noises,
    spaces,
)
from deploy.checkpoints.pool import UNCHANGED, PoolVoice
from deploy.checkpoints.speech import Samples
from deploy.checkpoints.voices import Voice
from deploy.checkpoints.windows import Windows

ROOMS = 120
KNOWN = 251  # of the training voices, in the order of the table; then come mixtures of Kokoro
STRANGE = 7  # variants of each stranger
# of the curve's conversations: another would be another curve
FIXED = Difficulty(
    opus=0.0,
    band=0.15,
    same_package=0.0,
    same_person=0.0,
    same_pitch=0.0,
    telephone=0.15,
    nobody=0.0,
)


def training_voices() -> list[Voice]:
    """Whom the training hears."""
    return [voice for voice in voices.read() if voice.split == "train"]


def encoder_voices() -> list[Voice]:
    """Whom the diarizer's encoder learns from; the others of training are strangers to it."""
    return training_voices()[:KNOWN]


def development_voices() -> list[Voice]:
    """The people by whom trainings are judged on their way."""
    everyone = [voice for voice in voices.read() if voice.split == "development"]
    return [voice for voice in everyone if voice.style != "synthetic"]


def windows(cache: Path, seed: int = 5) -> Windows:
    """The source of the embedder's windows: all speech of the training voices."""
    everyone = [
        PoolVoice(voice, UNCHANGED, corpus.load(voice, cache))
        for voice in training_voices()
        if voice.minutes * 60 > pool.SHORTEST_S
    ]
    rng = np.random.default_rng(seed)
    recorded = recorded_noise(("babble", "party"))
    return Windows(everyone, spaces(rng, 40), noises(rng, recorded, everyone))


def recorded_noise(names: tuple[str, ...]) -> list[Samples]:
    """Backgrounds that ship in the wheel phonlab (BSD-3): babble, party, restaurant. None where it
    is missing.
    """
    found = importlib.util.find_spec("phonlab")
    if found is None or not found.submodule_search_locations:
        return []
    folder = Path(found.submodule_search_locations[0]) / "data" / "noise"
    return [speech.decode(folder / f"{name}.wav") for name in names]


def sources(known: list[PoolVoice], cache: Path, seed: int = 1) -> Sources:
    """The training conversations' sources, of the voices that the encoder learns from and of the
    others.
    """
    rng = np.random.default_rng(seed)
    recorded = recorded_noise(("babble", "party"))
    rooms, background = spaces(rng, ROOMS), noises(rng, recorded, known)
    others = pool.load(training_voices()[KNOWN:], cache, pool.VARIANTS[:STRANGE])
    return Sources(
        Conversations(known, rooms, background), Conversations(others, rooms, background)
    )


def development(cache: Path, count: int = 36, seconds: float = 24.0) -> list[Conversation]:
    """Fixed conversations of the development voices: 2 to 4 speakers in turn, own rooms."""
    spoken = pool.load(development_voices(), cache)
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
                replace(FIXED, speakers=share),
            )
        )
    return drawn


def development_windows(cache: Path) -> list[npt.NDArray[np.float32]]:
    """Windows (n, samples) of each development voice."""
    return cut(pool.load(development_voices(), cache))


def cut(spoken: list[PoolVoice], seconds: float = 3.0) -> list[npt.NDArray[np.float32]]:
    """At most 24 windows (n, samples) of each voice."""
    whole = (
        teacher.windows([entry.speech.stretch(i) for i in range(len(entry.speech.bounds))], seconds)
        for entry in spoken
    )
    return [rows[:24] for rows in whole]
