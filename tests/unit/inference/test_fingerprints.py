"""Which samples are taken, and how windows become one vector: by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from consumer.inference.fingerprints import Speech, collect, combine
from consumer.inference.postprocessing import PostProcessing
from consumer.inference.segments import segments

STEP = 1280  # samples in a frame of 80 ms


def speech(probabilities: NDArray[np.float32], samples: int | None = None) -> list[Speech]:
    count = samples or len(probabilities) * STEP
    waveform = np.arange(count, dtype=np.float32)
    found = segments(probabilities, 8, PostProcessing(), count / 16000)
    return collect(waveform, probabilities, found, 0.5, 0.08)


def test_only_frames_of_one_speaker_are_taken() -> None:
    probabilities = np.zeros((30, 2), np.float32)
    probabilities[0:10, 0] = 0.75
    probabilities[8:10, 1] = 0.9
    probabilities[20:22, 0] = 1.0
    (only,) = speech(probabilities)
    assert (only.speaker, only.clean) == (0, True)
    assert only.speech_s == pytest.approx(10 * 0.08)
    assert only.confidence == pytest.approx((8 * 0.75 + 2 * 1.0) / 10)
    (window,) = only.windows
    expected = np.r_[0 : 8 * STEP, 20 * STEP : 22 * STEP]
    assert np.array_equal(window, expected.astype(np.float32))


def test_overlapped_speech_is_taken_where_nothing_else_is_left() -> None:
    probabilities = np.zeros((30, 2), np.float32)
    probabilities[0:20, 0] = 0.9
    probabilities[0:10, 1] = 0.9
    first, second = speech(probabilities)
    assert (first.clean, first.speech_s) == (True, 0.8)
    assert (second.clean, second.speech_s) == (False, 0.8)


def test_under_half_a_second_gives_none() -> None:
    probabilities = np.zeros((30, 1), np.float32)
    probabilities[0:6] = 0.9
    assert speech(probabilities) == []
    probabilities[6] = 0.9
    assert [s.speech_s for s in speech(probabilities)] == [pytest.approx(0.56)]


def test_samples_past_the_end_are_not_invented() -> None:
    probabilities = np.full((10, 1), 0.9, np.float32)
    (only,) = speech(probabilities, samples=9 * STEP + 5)
    assert only.speech_s == (9 * STEP + 5) / 16000


def test_speech_is_cut_into_equal_windows_of_three_seconds_or_more() -> None:
    probabilities = np.full((100, 1), 1.0, np.float32)
    probabilities[75:, 0] = 0.6
    (only,) = speech(probabilities)  # 8 s: two of 4 s, the second 2 s at 1.0 and 2 s at 0.6
    assert [int(window[0]) for window in only.windows] == [0, 64000]
    assert {len(window) for window in only.windows} == {64000}
    assert only.weights == pytest.approx((1.0, 0.8), rel=1e-6)


def test_less_than_two_windows_of_three_seconds_are_one() -> None:
    (only,) = speech(np.full((74, 1), 0.9, np.float32))
    assert [len(window) for window in only.windows] == [74 * STEP]


def test_windows_are_averaged_by_weight_as_unit_vectors() -> None:
    two = Speech(2, (), (3.0, 1.0), 4.0, True, 0.8)
    made = combine(two, np.array([[5.0, 0.0], [0.0, 0.1]], np.float32))
    assert made is not None
    # The mean is (0.75, 0.25), its length sqrt(0.625).
    assert made.norm == pytest.approx(0.625**0.5)
    assert made.embedding == pytest.approx(np.array([3, 1]) / 10**0.5)
    assert made.cohesion == pytest.approx((3 + 1) / 10**0.5 / 2)
    assert made.embedding.dtype == np.float32


def test_one_window_has_no_cohesion() -> None:
    made = combine(Speech(0, (), (1.0,), 1.0, True, 0.8), np.array([[3.0, 4.0]], np.float32))
    assert made is not None
    assert made.cohesion is None
    assert made.norm == pytest.approx(1.0)


@pytest.mark.parametrize("rows", [[[np.nan, 1.0]], [[0.0, 0.0]], [[1.0, 0.0], [-1.0, 0.0]]])
def test_vectors_that_mean_nothing_give_none(rows: list[list[float]]) -> None:
    nothing = Speech(0, (), (1.0,) * len(rows), 1.0, True, 0.8)
    assert combine(nothing, np.array(rows, np.float32)) is None
