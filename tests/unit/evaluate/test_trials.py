import numpy as np
import pytest

from producer_tools.evaluate.trials import equal_error, min_dcf, trials, verify


def at(*degrees: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Unit vectors of the plane."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


def test_all_pairs_are_tried_once() -> None:
    same, other = trials([at(0, 10, 20), at(90, 100)])
    assert len(same) == 3 + 1
    assert len(other) == 3 * 2
    assert sorted(same) == pytest.approx(sorted(np.cos(np.radians([10, 10, 20, 10]))), abs=1e-6)


def test_voices_apart_have_no_error() -> None:
    found = verify({"Ann": at(0, 5), "Bob": at(90, 95)})
    assert found is not None
    assert found.eer == 0.0
    assert found.min_dcf == 0.0
    assert (found.trials, found.voices) == (6, 2)


def test_equal_error_by_hand() -> None:
    same = np.array([0.9, 0.8, 0.7, 0.3])
    other = np.array([0.6, 0.2, 0.1, 0.0])
    # At 0.6 one of four is missed and one of four accepted.
    assert equal_error(same, other) == (0.25, 0.6)
    # Accepting nothing costs 1; from 0.7 up a quarter is missed and nothing accepted.
    assert min_dcf(same, other, prior=0.01) == pytest.approx(0.25)


def test_only_comparable_voices_take_part() -> None:
    voices = {"Ann": at(0, 5), "Bob": at(90, 95), "Eve": at(1, 2)}
    found = verify(voices, lambda one, other: {one, other} == {"Ann", "Eve"})
    assert found is not None
    assert (found.trials, found.voices) == (1 + 1 + 4, 2)
    assert found.eer > 0.2
    assert verify(voices, lambda one, other: False) is None
