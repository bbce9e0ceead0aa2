"""What varies within a voice is made even, and the model itself says so."""

import numpy as np
import torch
from numpy.typing import NDArray

from deploy.checkpoints import titanet, whitening
from producer_tools.evaluate.trials import equal_error, trials

DIMENSIONS = 8


def test_what_varies_within_voices_counts_less() -> None:
    rng = np.random.default_rng(0)
    known, strange = _voices(rng, 40), _voices(rng, 40)
    mean, matrix = whitening.normalisation([known])
    before = _equal_error(strange)
    assert before > 0.15
    assert _equal_error([(own - mean) @ matrix for own in strange]) < before / 2


def test_many_voices_of_one_kind_weigh_no_more_than_few_of_another() -> None:
    rng = np.random.default_rng(1)
    few, many = _voices(rng, 3), _voices(rng, 30)
    _, once = whitening.normalisation([few, many])
    _, twice = whitening.normalisation([few, many * 2])
    np.testing.assert_allclose(once, twice)


def test_the_model_gives_what_was_folded_into_it() -> None:
    torch.manual_seed(0)
    model = titanet.build().eval()
    rng = np.random.default_rng(2)
    audio = torch.from_numpy(rng.normal(0, 0.1, (3, 16000)).astype(np.float32))
    mean, matrix = rng.normal(size=192), rng.normal(size=(192, 192))
    with torch.inference_mode():
        before = titanet.raw(model, audio).double().numpy()
    whitening.fold(model, mean, matrix)
    with torch.inference_mode():
        after = titanet.raw(model, audio).double().numpy()
    np.testing.assert_allclose(after, (before - mean) @ matrix.T, atol=1e-3)


def _voices(rng: np.random.Generator, count: int) -> list[NDArray[np.float64]]:
    """Voices that differ alike in all directions, and vary in two of them by far the most."""
    within = np.array([3.0, 3.0] + [0.2] * (DIMENSIONS - 2))
    return [
        rng.normal(size=DIMENSIONS) + within * rng.normal(size=(20, DIMENSIONS))
        for _ in range(count)
    ]


def _equal_error(voices: list[NDArray[np.float64]]) -> float:
    units = [
        (own / np.linalg.norm(own, axis=1, keepdims=True)).astype(np.float32) for own in voices
    ]
    return equal_error(*trials(units))[0]
