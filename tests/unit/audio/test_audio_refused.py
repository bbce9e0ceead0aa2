"""What is no audio, or none that can be used, is refused for what it is."""

import io

import av
import numpy as np
import pytest

from consumer.audio.decode import decode
from consumer.errors import PermanentError, Reason
from tests.audio_samples import muxed, sound, tone, wav
from tests.unit.audio.refused import refusal


@pytest.mark.parametrize("channel", [-1, 2, 7])
def test_a_channel_that_is_not_there(channel: int) -> None:
    assert refusal(sound(tone(channels=2)), channel) is Reason.CHANNEL_OUT_OF_RANGE
    data = muxed(tone(channels=2, rate=48_000), 48_000, "webm", "libopus")
    assert refusal(data, channel) is Reason.CHANNEL_OUT_OF_RANGE


def test_no_bytes_and_no_samples_differ() -> None:
    assert refusal(b"") is Reason.EMPTY_OBJECT
    nothing = np.zeros((0, 1), np.float32)
    assert refusal(sound(nothing)) is Reason.EMPTY_AUDIO


@pytest.mark.parametrize(
    "data",
    [
        b"<html>404 not found</html>",
        b"\x00" * 1000,
        b"RIFF\x00\x00\x00\x00AVI LIST",
        b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"fLaC" + b"\x00" * 100,
        b"\x1aE\xdf\xa3" + b"\x00" * 100,
    ],
)
def test_what_is_not_audio(data: bytes) -> None:
    assert refusal(data) is Reason.NOT_AUDIO


@pytest.mark.parametrize(
    "data",
    [b"fLaC" + bytes(100), wav(b"", channels=0), b"\x00\x00\x00\x18ftypM4A " + bytes(12)],
    ids=["FLAC", "WAV", "MP4"],
)
def test_a_refusal_says_the_same_each_time(data: bytes) -> None:
    texts = set()
    for _ in range(3):
        with pytest.raises(PermanentError) as caught:
            decode(data)
        texts.add(str(caught.value))
    (text,) = texts
    assert " at 0x" not in text


def test_video_alone_is_not_audio() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    assert refusal(file.getvalue()) is Reason.NOT_AUDIO


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_samples_that_are_no_numbers(value: float, subtype: str) -> None:
    signal = tone(3.0, channels=2)
    signal[40_000, 1] = value
    assert refusal(sound(signal, subtype=subtype)) is Reason.NON_FINITE_SAMPLES
    assert refusal(sound(signal, subtype=subtype), 0) is Reason.NON_FINITE_SAMPLES


def test_samples_too_large_to_average() -> None:
    signal = np.full((1000, 2), 3e38, np.float32)
    assert refusal(sound(signal, subtype="FLOAT")) is Reason.NON_FINITE_SAMPLES


def test_too_many_channels() -> None:
    data = sound(np.zeros((100, 33), np.float32))
    assert refusal(data) is Reason.TOO_MANY_CHANNELS
    assert len(decode(sound(np.zeros((100, 32), np.float32)))) == 100


@pytest.mark.parametrize("rate", [1, 3_999, 192_001, 4_000_000])
def test_rates_outside_the_limits(rate: int) -> None:
    assert refusal(sound(tone(), rate)) is Reason.UNSUPPORTED_SAMPLE_RATE
