"""Literal values, worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from consumer.errors import ExitCode, FatalError
from consumer.inference.postprocessing import PostProcessing
from consumer.inference.segments import confidence, nemo_lines, segments

DEFAULT = PostProcessing()
FRAME = 8  # steps of 10 ms in a frame of 80 ms


def columns(*rows: list[float]) -> NDArray[np.float32]:
    return np.array(rows, np.float32)


def test_confidence_of_whole_frames() -> None:
    # 10 frames in 0.8 s: 12.5 a second. 0.16 s is frame 2, 0.4 s is frame 5, not included.
    values = np.array([0.1, 0.2, 0.5, 0.75, 1.0, 0.1, 0, 0, 0, 0], np.float32)
    assert confidence(values, 0.16, 0.4, 0.8) == pytest.approx(0.75, abs=1e-7)


def test_confidence_takes_every_frame_touched() -> None:
    # 4 frames in 1 s: 0.3 s lies in frame 1 (0.25 to 0.5), 0.6 s in frame 2 (0.5 to 0.75).
    values = np.array([0.0, 0.5, 0.75, 0.0], np.float32)
    assert confidence(values, 0.3, 0.6, 1.0) == 0.625


def test_confidence_uses_the_frames_of_the_row_and_not_a_frame_length() -> None:
    # 3 frames in 0.2 s are 15 a second: 0.15 s is frame 2 (at 12.5 a second it would be 1).
    values = np.array([0.5, 0.25, 0.75], np.float32)
    assert confidence(values, 0.15, 0.2, 0.2) == 0.75


def test_confidence_of_an_empty_span_is_its_frame() -> None:
    assert confidence(np.array([0.25, 0.75], np.float32), 0.5, 0.5, 1.0) == 0.75


def test_confidence_is_clamped_to_the_last_frame() -> None:
    values = np.array([0.25, 0.75], np.float32)
    assert confidence(values, 0.6, 3.0, 1.0) == 0.75
    assert confidence(values, 1.0, 1.0, 1.0) == 0.75


@pytest.mark.parametrize(
    ("values", "duration"), [([], 1.0), ([0.5], 0.0), ([float("nan")], 1.0), ([1.5], 1.0)]
)
def test_confidence_that_cannot_be_derived_is_none(values: list[float], duration: float) -> None:
    assert confidence(np.array(values, np.float32), 0.0, 0.5, duration) is None


def test_a_segment_still_open_ends_ten_milliseconds_early() -> None:
    probabilities = columns([0.0], [0.9], [0.9])
    assert nemo_lines(probabilities, FRAME, DEFAULT) == ["0.080 0.230 speaker_0"]


def test_thresholds_are_strict() -> None:
    # 0.5 neither starts speech (> 0.5) nor ends it (< 0.5).
    probabilities = columns([0.5], [0.6], [0.5], [0.4], [0.5])
    assert nemo_lines(probabilities, FRAME, DEFAULT) == ["0.080 0.240 speaker_0"]


def test_lines_go_by_speaker_and_segments_by_time() -> None:
    probabilities = columns([0, 1], [1, 1], [0, 0], [0, 1], [0, 0])
    assert nemo_lines(probabilities, FRAME, DEFAULT) == [
        "0.080 0.160 speaker_0",
        "0.000 0.160 speaker_1",
        "0.240 0.320 speaker_1",
    ]
    found = segments(probabilities, FRAME, DEFAULT, 0.4)
    assert [(s.speaker, s.start_s, s.end_s) for s in found] == [
        (1, 0.0, 0.16),
        (0, 0.08, 0.16),
        (1, 0.24, 0.32),
    ]
    assert [s.overlap_ratio for s in found] == [0.5, 1.0, 0.0]


def test_padding_before_the_start_and_past_the_end_is_clamped() -> None:
    probabilities = columns([0.9], [0.9])
    post = PostProcessing(pad_onset=0.5, pad_offset=0.5)
    assert nemo_lines(probabilities, FRAME, post) == ["0.000 0.650 speaker_0"]
    (segment,) = segments(probabilities, FRAME, post, 0.15)
    assert (segment.start_s, segment.end_s) == (0.0, 0.15)


def test_a_segment_that_vanishes_by_clamping_is_dropped() -> None:
    # The audio ends at 0.08 s; what the model says about the second frame is about nothing.
    assert segments(columns([0.1], [0.9]), FRAME, DEFAULT, 0.08) == ()


def test_one_sample_of_audio_can_have_a_segment() -> None:
    (segment,) = segments(columns([0.9]), FRAME, DEFAULT, 1 / 16000)
    assert (segment.start_s, segment.end_s) == (0.0, 1 / 16000)
    assert segment.confidence == pytest.approx(0.9)


def test_short_segments_go_before_short_gaps_are_filled() -> None:
    # 80 ms of speech, 80 ms of silence, 240 ms of speech.
    probabilities = columns([0.9], [0.1], [0.9], [0.9], [0.9], [0.1])
    post = PostProcessing(min_duration_on=0.1, min_duration_off=0.1)
    assert nemo_lines(probabilities, FRAME, post) == ["0.160 0.400 speaker_0"]
    glued = PostProcessing(min_duration_off=0.1)
    assert nemo_lines(probabilities, FRAME, glued) == ["0.000 0.400 speaker_0"]


def test_finer_frames() -> None:
    assert nemo_lines(columns([0.1], [0.9], [0.1]), 1, DEFAULT) == ["0.010 0.020 speaker_0"]


def test_neighbours_do_not_overlap() -> None:
    # 0.56 s * 12.5 is 7.000000000000001: edges would give the first speaker an eighth frame.
    probabilities = np.zeros((375, 2), np.float32)
    probabilities[:7, 0] = probabilities[7:20, 1] = 1
    assert [s.overlap_ratio for s in segments(probabilities, FRAME, DEFAULT, 30.0)] == [0.0, 0.0]


def test_yaml_in_nemos_layout(tmp_path: Path) -> None:
    path = tmp_path / "post.yaml"
    path.write_text("parameters:\n  onset: 0.64\n  offset: 0.74\n  pad_onset: 0.06\n")
    expected = PostProcessing(onset=0.64, offset=0.74, pad_onset=0.06)
    assert PostProcessing.from_yaml(path) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("parameters: {onzet: 0.5}", "onzet"),
        ("parameters: {onset: 2}", "between 0 and 1"),
        ("parameters: {pad_onset: -1}", "0 or more"),
        ("parameters: {onset: many}", "numbers"),
        ("onset: 0.5", "no key `parameters`"),
        ("a: [", "cannot read"),
    ],
)
def test_yaml_that_says_something_else_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "post.yaml"
    path.write_text(text)
    with pytest.raises(FatalError, match=says) as caught:
        PostProcessing.from_yaml(path)
    assert caught.value.code is ExitCode.SETTINGS
