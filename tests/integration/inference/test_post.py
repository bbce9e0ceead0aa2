"""What the card publishes: the post-processing with the least error."""

import numpy as np

from consumer.inference.postprocessing import PostProcessing
from deploy.checkpoints import post
from deploy.checkpoints.measure import Probable, error
from producer_tools.evaluate.recordings import RecordingInMemory
from producer_tools.rttm import Turn

UNITS, FRAMES = 8, 240


def answer(seed: int) -> Probable:
    """Two speakers in turn, 4 s each, heard with doubts that last some frames."""
    random = np.random.default_rng(seed)
    step_s = UNITS / 100
    turns = tuple(Turn("r", 4.0 * n, 3.6, "AB"[n % 2]) for n in range(int(FRAMES * step_s / 4)))
    logits = np.full((FRAMES, 4), -4.0)
    for turn in turns:
        spoken = slice(round(turn.start_s / step_s), round((turn.start_s + 3.6) / step_s))
        logits[spoken, "AB".index(turn.speaker)] = 3.0
    doubts = random.normal(0, 3, (FRAMES // 6, 4)).repeat(6, axis=0)
    probabilities = (1 / (1 + np.exp(-logits - doubts))).astype(np.float32)
    silent = np.zeros(1, np.float32)
    return Probable(RecordingInMemory("r", turns, silent), probabilities, UNITS, FRAMES * step_s)


ANSWERS = [answer(seed) for seed in range(2)]


def test_the_best_is_better_than_the_default_and_is_what_it_says() -> None:
    chosen, least = post.best_post(ANSWERS)
    assert least == error(ANSWERS, chosen) < error(ANSWERS, PostProcessing())
