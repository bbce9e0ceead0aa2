"""Right and wrong segments, bins and calibration error, worked out by hand."""

import pytest

from producer_tools.calibration import Bin, Judged, bins, expected_error, judge
from producer_tools.rttm import Turn
from tests.unit.tools.test_report import result, segment


def test_a_label_stands_for_who_shares_most_of_its_time() -> None:
    reference = [Turn("r", 30, 10, "a"), Turn("r", 40, 4, "b"), Turn("r", 0, 30, "b")]
    chunk = result(
        1,
        (
            segment(0, 0, 8, 0.9),  # a
            segment(0, 9, 11, 0.8),  # half a, half b: still right
            segment(0, 9.5, 13, 0.7),  # a for 0.5 of 3.5 s
            segment(1, 10, 12, 0.6),  # b
            segment(1, 12, 14, None),  # not judged
            segment(2, 20, 25, 0.5),  # nobody
        ),
    )
    assert judge([chunk], reference) == [
        Judged(0.9, True),
        Judged(0.8, True),
        Judged(0.7, False),
        Judged(0.6, True),
        Judged(0.5, False),
    ]


def test_bins_and_error() -> None:
    judged = [Judged(1.0, True), Judged(0.9, False), Judged(0.25, False), Judged(0.0, False)]
    found = bins(judged)
    assert found == [Bin(1, 0.0, 0.0), Bin(1, 0.25, 0.0), Bin(2, 0.95, 0.5)]
    assert expected_error(found) == pytest.approx((0 + 0.25 + 2 * 0.45) / 4)
    assert expected_error([]) is None
