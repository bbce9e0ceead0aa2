"""Right and wrong segments, bins and calibration error, worked out by hand."""

import pytest

from producer_tools.calibration import Bin, Judged, bins, expected_error, judge
from producer_tools.rttm import Turn

REFERENCE = [Turn("r", 30, 10, "a"), Turn("r", 40, 4, "b"), Turn("r", 0, 30, "b")]


def turn(start: float, end: float, speaker: str, confidence: float | None) -> Turn:
    return Turn("r", start, end - start, speaker, confidence)


def test_half_of_a_turn_must_be_of_the_speaker_its_label_is_matched_with() -> None:
    turns = [
        turn(30, 38, "x", 0.9),  # a
        turn(39, 41, "x", 0.8),  # half a, half b: still right
        turn(39.5, 43, "x", 0.7),  # a for 0.5 of 3.5 s
        turn(40, 42, "y", 0.6),  # b
        turn(42, 44, "y", None),  # not judged
        turn(50, 55, "z", 0.5),  # nobody
    ]
    assert judge(turns, REFERENCE) == [
        Judged(0.9, True),
        Judged(0.8, True),
        Judged(0.7, False),
        Judged(0.6, True),
        Judged(0.5, False),
    ]


def test_of_a_speaker_split_in_two_only_the_larger_part_is_right() -> None:
    turns = [turn(30, 36, "x", 0.9), turn(36, 40, "y", 0.6)]
    assert judge(turns, REFERENCE) == [Judged(0.9, True), Judged(0.6, False)]
    assert judge([], REFERENCE) == []


def test_bins_and_error() -> None:
    judged = [Judged(1.0, True), Judged(0.9, False), Judged(0.25, False), Judged(0.0, False)]
    found = bins(judged)
    assert found == [Bin(1, 0.0, 0.0), Bin(1, 0.25, 0.0), Bin(2, 0.95, 0.5)]
    assert expected_error(found) == pytest.approx((0 + 0.25 + 2 * 0.45) / 4)
    assert expected_error([]) is None
