"""Gaps in a container's timestamps: what follows one keeps its time."""

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.audio.decode import DecodeLimits, decode
from consumer.audio.timeline import Timeline
from consumer.errors import PermanentError, Reason
from consumer.inference.results import Waveform
from tests.audio_samples import muxed, tone

KINDS = [
    ("webm", "libopus"),
    ("mp4", "aac"),
    ("matroska", "pcm_s16le"),
    ("matroska", "flac"),
    ("matroska", "libmp3lame"),
]


def two_tones(
    container: str, codec: str, gap_s: float, *, channels: int = 1, start: int = 0
) -> bytes:
    """A second, a gap, and another second."""
    signal = tone(2.0, 48_000, channels=channels)
    return muxed(signal, 48_000, container, codec, gaps={48_000: gap_s}, start=start)


def is_silent(waveform: Waveform) -> bool:
    return bool(np.abs(waveform).max() < 0.01)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("start", [0, 480_000])
@pytest.mark.parametrize(("container", "codec"), KINDS)
def test_a_gap_becomes_silence(container: str, codec: str, start: int, channels: int) -> None:
    data = two_tones(container, codec, 5.0, channels=channels, start=start)
    waveform = decode(data, channel=channels - 1)
    assert abs(len(waveform) / 16_000 - 7.0) < 0.07
    assert is_silent(waveform[18_000:94_000])
    assert not is_silent(waveform[:16_000])
    assert not is_silent(waveform[98_000:])


@pytest.mark.parametrize("gap_s", [0.0, 0.02])
@pytest.mark.parametrize(("container", "codec"), [("webm", "libopus"), ("matroska", "pcm_s16le")])
def test_what_is_no_gap_stays_as_it_is(container: str, codec: str, gap_s: float) -> None:
    waveform = decode(two_tones(container, codec, gap_s))
    assert abs(len(waveform) / 16_000 - 2.0) < 0.03


def test_a_gap_counts_as_duration() -> None:
    data = two_tones("webm", "libopus", 10_000.0)
    open_length = data.replace(b"\x44\x89\x88", b"\xec\x89\x88")  # Void for Duration: undeclared
    assert open_length != data
    for limit_s in (3.0, 900.0):
        with pytest.raises(PermanentError) as caught:
            decode(open_length, limits=DecodeLimits(max_duration_s=limit_s))
        assert caught.value.reason is Reason.TOO_LONG


def frame(samples: int, rate: int, pts: int | None, clock: int) -> av.AudioFrame:
    made = av.AudioFrame(format="flt", layout="mono", samples=samples)
    made.sample_rate = rate
    made.pts = pts
    made.time_base = Fraction(1, clock)
    return made


@given(
    st.lists(st.tuples(st.integers(1, 2_000), st.integers(0, 300)), min_size=1, max_size=40),
    st.sampled_from([8_000, 44_100, 48_000]),
    st.integers(-(10**6), 10**9),
)
def test_frames_are_where_their_timestamps_say(
    parts: list[tuple[int, int]], rate: int, start_ms: int
) -> None:
    """Within 50 ms and the rounding of a millisecond clock, however small gaps add up."""
    timeline, placed, true = Timeline(), 0, Fraction(0)
    for index, (samples, gap_ms) in enumerate(parts):
        true += Fraction(gap_ms if index else 0, 1000)
        pts = start_ms + round(true * 1000)
        missing = timeline.missing(frame(samples, rate, pts, 1000), placed)
        assert missing == 0 or missing >= 0.049 * rate
        placed += missing
        assert abs(true - Fraction(placed, rate)) < Fraction(52, 1000)
        placed += samples
        true += Fraction(samples, rate)


def test_frames_without_a_timestamp_follow_one_another() -> None:
    timeline = Timeline()
    assert timeline.missing(frame(960, 48_000, None, 1000), 0) == 0
    assert timeline.missing(frame(960, 48_000, 20, 1000), 960) == 0
    assert timeline.missing(frame(960, 48_000, None, 1000), 1920) == 0
    assert timeline.missing(frame(960, 48_000, 1_060, 1000), 2880) == 48_000


def test_a_frame_that_comes_too_early_is_appended() -> None:
    timeline = Timeline()
    assert timeline.missing(frame(48_000, 48_000, 0, 1000), 0) == 0
    assert timeline.missing(frame(48_000, 48_000, 500, 1000), 48_000) == 0
    assert timeline.missing(frame(48_000, 48_000, 2_000, 1000), 96_000) == 0
