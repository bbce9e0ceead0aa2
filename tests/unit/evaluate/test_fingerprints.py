import numpy as np
import pytest
from numpy.typing import NDArray

from consumer.inference.results import SAMPLE_RATE, Waveform
from producer_tools.evaluate.fingerprints import MOST, by_seconds, clean_speech, fingerprint
from producer_tools.evaluate.recordings import RecordingInMemory
from producer_tools.rttm import Turn


def ramp(seconds: float) -> Waveform:
    """Every sample is its own time in seconds."""
    return (np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE).astype(np.float32)


class Recorder:
    """Embeds a window as its first sample and 1, and remembers the lengths it saw."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def embed(self, windows: list[Waveform]) -> list[NDArray[np.float32]]:
        self.seconds += [len(window) / SAMPLE_RATE for window in windows]
        return [np.array([window[0], 1.0], np.float32) for window in windows]


def test_clean_speech_leaves_out_what_others_talk_over() -> None:
    turns = (Turn("r", 0.0, 4.0, "Ann"), Turn("r", 3.0, 3.0, "Bob"), Turn("r", 8.0, 1.0, "Ann"))
    found = clean_speech([RecordingInMemory("r", turns, ramp(10.0))])
    [ann], [bob] = found["Ann"], found["Bob"]
    assert len(ann) == 4 * SAMPLE_RATE
    assert ann[[0, 3 * SAMPLE_RATE - 1, 3 * SAMPLE_RATE]] == pytest.approx([0, 3, 8], abs=1e-3)
    assert len(bob) == 2 * SAMPLE_RATE
    assert bob[0] == pytest.approx(4.0)


def test_a_person_of_two_recordings_is_one() -> None:
    one = RecordingInMemory("r", (Turn("r", 0.0, 1.0, "Ann"),), ramp(1.0))
    two = RecordingInMemory("s", (Turn("s", 0.0, 2.0, "Ann"),), ramp(2.0))
    assert [len(each) / SAMPLE_RATE for each in clean_speech([one, two])["Ann"]] == [1.0, 2.0]


def test_seven_seconds_are_two_windows_as_in_the_service() -> None:
    recorder = Recorder()
    made = fingerprint(ramp(7.0), recorder.embed)
    assert recorder.seconds == [3.5, 3.5]
    assert made is not None
    assert np.linalg.norm(made) == pytest.approx(1.0)


def test_too_little_speech_gives_no_fingerprint() -> None:
    assert fingerprint(ramp(0.4), Recorder().embed) is None


def test_fingerprints_are_spread_over_the_speech_and_limited() -> None:
    found = by_seconds({"Ann": [ramp(100.0)], "Bob": [ramp(3.0)]}, 2.0, Recorder().embed)
    assert list(found) == ["Ann"]  # one fingerprint of Bob makes no pair
    assert found["Ann"].shape == (MOST, 2)
    last_start = found["Ann"][-1][0] / found["Ann"][-1][1]
    assert last_start == pytest.approx(2.0 * 2 * (MOST - 1), abs=0.1)
