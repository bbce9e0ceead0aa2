import numpy as np
import pytest

from consumer.inference.results import Analysis, Segment
from producer_tools.calibration import Judged
from producer_tools.evaluate.answers import Answer
from producer_tools.evaluate.confidence import best_threshold, judge, measure
from producer_tools.evaluate.recordings import RecordingInMemory
from producer_tools.rttm import Turn


def answer(turns: list[Turn], segments: list[Segment]) -> Answer:
    recording = RecordingInMemory("r", tuple(turns), np.zeros(1600, np.float32))
    return Answer(recording, 0.0, Analysis(20.0, tuple(segments), ()))


def segment(speaker: int, start: float, end: float, confidence: float | None) -> Segment:
    return Segment(speaker, start, end, confidence, 0.0)


def test_each_answer_is_judged_by_its_own_recording() -> None:
    found = judge(
        [
            answer([Turn("r", 0.0, 10.0, "Ann")], [segment(3, 0.0, 6.0, 0.9)]),
            answer([Turn("r", 7.0, 1.0, "Ann")], [segment(3, 0.0, 6.0, 0.6)]),
        ]
    )
    assert found == [Judged(0.9, True), Judged(0.6, False)]


def test_without_segments_nothing_is_judged() -> None:
    assert judge([answer([Turn("r", 0.0, 1.0, "Ann")], [])]) == []
    with pytest.raises(ValueError, match="no segments"):
        measure([])


def test_measures_by_hand() -> None:
    found = measure(
        [Judged(0.95, True), Judged(0.85, False), Judged(0.75, True), Judged(0.65, False)]
    )
    assert found.right == 0.5
    assert found.auroc == pytest.approx(3 / 4)
    assert found.risk == pytest.approx((0, 1 / 2, 1 / 3, 1 / 2))
    assert found.coverage == pytest.approx((0.25, 0.5, 0.75, 1.0))
    assert found.aurc == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert found.ece == pytest.approx((0.05 + 0.85 + 0.25 + 0.65) / 4)


def test_all_right_has_no_auroc() -> None:
    assert measure([Judged(0.9, True), Judged(0.8, True)]).auroc is None


def test_best_threshold_separates() -> None:
    judged = [Judged(0.8, True), Judged(0.7, True), Judged(0.6, False), Judged(0.55, False)]
    assert 0.6 < best_threshold(judged) <= 0.7
