"""Who meets whom in a training conversation."""

import numpy as np
import pytest

from deploy.checkpoints.conversations import Conversations, Difficulty
from deploy.checkpoints.corpus import Speech
from deploy.checkpoints.pool import UNCHANGED, PoolVoice, Variant
from deploy.checkpoints.voices import Voice

PITCHES = (0.0, 80.0, 95.0, 110.0, 125.0, 170.0, 190.0, 210.0, 240.0, 400.0)
NOTHING = Speech(np.zeros(0, np.int16), np.zeros((0, 2), np.int64), np.zeros(0, np.int64))


def voice(person: int, pitch_hz: float) -> Voice:
    name = f"v{person}"
    return Voice(
        name, name, "en", "", "running", f"p{person % 2}", "", "", "train", 1.0, pitch_hz, 1.0
    )


@pytest.fixture
def source() -> Conversations:
    """Ten people in three variants each, in two packages."""
    everyone = [voice(person, pitch) for person, pitch in enumerate(PITCHES)]
    variants = (UNCHANGED, Variant(0.8), Variant(1.25))
    pool = [PoolVoice(each, variant, NOTHING) for each in everyone for variant in variants]
    return Conversations(pool, [], [])


def casts(source: Conversations, difficulty: Difficulty, count: int = 3) -> list[list[PoolVoice]]:
    rng = np.random.default_rng(0)
    drawn = [source._cast(rng, count, difficulty) for _ in range(300)]
    return [[source.pool[index] for index in each] for each in drawn]


@pytest.mark.parametrize("same_package", [0.0, 1.0])
def test_voices_of_one_height_meet_when_asked_for(
    source: Conversations, same_package: float
) -> None:
    spread = {}
    for chance in (0.0, 1.0):
        asked = Difficulty(same_person=0.0, same_package=same_package, same_pitch=chance)
        heights = np.log([[each.pitch_hz for each in cast] for cast in casts(source, asked)])
        spread[chance] = float(np.median(heights.max(1) - heights.min(1)))
    assert spread[1.0] < 0.5 * spread[0.0]


def test_nobody_meets_himself_unless_asked_for(source: Conversations) -> None:
    for chance in (0.0, 1.0):
        found = casts(source, Difficulty(same_person=chance))
        alone = [len({each.voice.person for each in cast}) == len(cast) for cast in found]
        assert all(alone) if chance == 0.0 else not any(alone)


def test_all_come_from_one_package_when_asked_for(source: Conversations) -> None:
    for cast in casts(source, Difficulty(same_package=1.0, same_person=0.0), count=4):
        assert len({each.voice.package for each in cast}) == 1
