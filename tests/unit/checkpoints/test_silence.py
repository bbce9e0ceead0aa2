"""Training recordings in which nobody speaks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deploy.checkpoints import silence
from deploy.checkpoints.conversations import Conversations, Difficulty
from deploy.checkpoints.corpus import Speech
from deploy.checkpoints.pool import UNCHANGED, PoolVoice
from deploy.checkpoints.voices import Voice

NOISE = np.random.default_rng(0).normal(size=5000).astype(np.float32)
SPEAKER = Voice("v", "v", "en", "", "running", "p", "", "", "train", 1.0, 100.0, 1.0)


@given(st.integers(0, 2**32), st.integers(1, 20_000), st.integers(0, 2))
def test_every_length_is_given_in_whole_steps_of_sixteen_bits(
    seed: int, samples: int, noises: int
) -> None:
    made = silence.draw(np.random.default_rng(seed), [NOISE] * noises, samples)
    assert made.shape == (samples,)
    assert made.dtype == np.float32
    assert np.array_equal(made * 32768, np.rint(made * 32768))
    assert np.abs(made).max() <= 1.0


def test_from_digital_silence_to_loud_noise() -> None:
    rng = np.random.default_rng(1)
    levels = np.array([np.abs(silence.draw(rng, [NOISE], 8000)).max() * 32768 for _ in range(400)])
    assert 0.2 < (levels == 0).mean() < 0.4
    assert ((levels > 0) & (levels < 8)).any()
    assert levels.max() > 8000


def test_nobody_speaks_as_often_as_asked_for() -> None:
    speech = Speech(np.full(32000, 1000, np.int16), np.array([[0, 32000]]), np.zeros(1, np.int64))
    source = Conversations([PoolVoice(SPEAKER, UNCHANGED, speech)], [], [NOISE])
    for chance, least, most in ((0.0, 0, 0), (0.2, 20, 60), (1.0, 200, 200)):
        asked = Difficulty(room=0.0, opus=0.0, telephone=0.0, colour_db=0.0, nobody=chance)
        drawn = [source.draw(np.random.default_rng(seed), 2.0, asked) for seed in range(200)]
        quiet = [each for each in drawn if not each.voices]
        assert least <= len(quiet) <= most
        assert all(each.spans == [] and len(each.samples) == 32000 for each in quiet)
