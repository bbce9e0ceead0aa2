"""Expected values worked out by hand."""

import numpy as np
import pytest

from producer_tools.evaluate.errors import compare, table
from producer_tools.evaluate.recordings import RecordingInMemory, merged
from producer_tools.rttm import Turn

REFERENCE = (Turn("r", 0.0, 10.0, "Ann"), Turn("r", 10.0, 10.0, "Bob"))


def recording(turns: tuple[Turn, ...] = REFERENCE) -> RecordingInMemory:
    return RecordingInMemory("r", turns, np.zeros(1600, np.float32))


def test_errors_of_a_late_change_of_speaker() -> None:
    found = [Turn("r", 0.0, 12.0, "Speaker_0"), Turn("r", 12.0, 8.0, "Speaker_1")]
    errors = compare(recording(), found, 20.0)
    assert errors.strict.confusion_s == pytest.approx(2.0)
    assert errors.strict.der == pytest.approx(2 / 20)
    # 0.25 s on each side of the boundaries at 0, 10 and 20 are not scored.
    assert errors.collared.speech_s == pytest.approx(19.0)
    assert errors.collared.confusion_s == pytest.approx(1.75)
    # Ann: 2 s too much in a union of 12; Bob: 2 s missed of 10.
    assert sum(errors.jer) / len(errors.jer) == pytest.approx((2 / 12 + 2 / 10) / 2)


def test_overlapped_speech_is_scored() -> None:
    both = (Turn("r", 0.0, 10.0, "Ann"), Turn("r", 5.0, 5.0, "Bob"))
    errors = compare(recording(both), [Turn("r", 0.0, 10.0, "Speaker_0")], 10.0)
    assert errors.strict.speech_s == pytest.approx(15.0)
    assert errors.strict.missed_s == pytest.approx(5.0)


def test_what_is_found_in_silence_is_a_false_alarm() -> None:
    errors = compare(recording(), [Turn("r", 0.0, 25.0, "Speaker_0")], 25.0)
    assert errors.strict.false_alarm_s == pytest.approx(5.0)


def test_sums_by_number_of_speakers_weigh_by_speech() -> None:
    alone = (Turn("r", 0.0, 5.0, "Ann"),)
    entries = [
        compare(recording(), [], 20.0),
        compare(recording(alone), [Turn("r", 0.0, 5.0, "Speaker_2")], 5.0),
    ]
    sums = table(entries)
    assert list(sums) == ["all", "1", "2"]
    assert sums["1"].strict.der == 0.0
    assert sums["2"].strict.der == 1.0
    assert sums["all"].strict.der == pytest.approx(20 / 25)
    assert sums["all"].jer == pytest.approx((1 + 1 + 0) / 3)


def test_turns_shorter_than_their_collars_leave_no_speech() -> None:
    brief = (Turn("r", 1.0, 0.3, "Ann"),)
    assert compare(recording(brief), [], 2.0).collared.speech_s == 0.0


def test_turns_of_one_speaker_that_touch_are_one() -> None:
    turns = [Turn("r", 1.0, 2.0, "Ann"), Turn("r", 0.0, 1.0, "Ann"), Turn("r", 0.5, 1.0, "Bob")]
    assert merged(turns) == (Turn("r", 0.0, 3.0, "Ann"), Turn("r", 0.5, 1.0, "Bob"))
