"""MP3 files that state their length, and those that leave it to be found out."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.audio.decode import DecodeLimits, decode
from consumer.audio.mp3 import with_stated_length
from consumer.errors import PermanentError, Reason
from tests.audio_samples import mp3_without_length, sound, tone

APE = b"APETAGEX" + struct.pack("<IIII", 2000, 280, 3, 0) + bytes(8)
LARGE_APE = b"".join(
    (
        b"APETAGEX" + struct.pack("<IIII", 2000, 20_032, 1, 0xA0000000) + bytes(8),
        b"x" * 20_000,
        b"APETAGEX" + struct.pack("<IIII", 2000, 20_032, 1, 0x80000000) + bytes(8),
    )
)
TAILS = {
    "nothing": b"",
    "ID3v1": b"TAG" + bytes(125),
    "APEv2 without its footer": APE + bytes(256),
    "APEv2": LARGE_APE,
    "APEv2 and ID3v1": LARGE_APE + b"TAG" + bytes(125),
    "zeros": bytes(100),
    "many zeros": bytes(10_000),
}
ID3 = b"ID3\x04\x00\x00\x00\x00\x02\x00" + b"\xff" * 256


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("head", [b"", ID3, ID3 + ID3, ID3 + bytes(1000)])
@pytest.mark.parametrize(("rate", "kbits"), [(48_000, 128), (44_100, 64), (16_000, 48), (8_000, 8)])
def test_what_states_no_length_is_read_to_its_end(
    rate: int, kbits: int, head: bytes, tail: str
) -> None:
    data = head + mp3_without_length(tone(3.0, rate), rate, kbits) + TAILS[tail]
    waveform = decode(data)
    assert 3.0 <= len(waveform) / 16_000 < 3.0 + 4 * 1152 / rate
    assert np.abs(waveform[-3_000:]).max() < 0.6


@pytest.mark.parametrize("loud", [slice(None, 88_200), slice(88_200, None)])
def test_the_first_bit_rate_does_not_say_how_long_it_is(loud: slice) -> None:
    """A guess by it ended the recording that begins loud, and refused the other as cut short."""
    signal = np.zeros((44_100 * 10, 1), np.float32)
    signal[loud] = np.random.default_rng(0).uniform(-0.5, 0.5, signal[loud].shape)
    data = mp3_without_length(signal, 44_100)
    assert 10.0 <= len(decode(data)) / 16_000 < 10.1
    assert len(decode(data, limits=DecodeLimits(max_duration_s=10.1))) >= 160_000
    with pytest.raises(PermanentError) as caught:
        decode(data, limits=DecodeLimits(max_duration_s=9.0))
    assert caught.value.reason is Reason.TOO_LONG


def test_a_length_tag_without_a_length_states_none() -> None:
    data = bytearray(sound(tone(3.0), kind="MP3"))
    flags = data.index(b"Info" if b"Info" in data else b"Xing") + 7
    assert with_stated_length(bytes(data)) == (bytes(data), True)
    data[flags] &= 0xFE
    assert 3.0 <= len(decode(bytes(data))) / 16_000 < 3.2


def test_a_fraunhofer_tag_is_no_audio() -> None:
    frames = mp3_without_length(tone(3.0, 44_100), 44_100, 64)
    tag = frames[:4] + bytes(32) + b"VBRI" + struct.pack(">HHHII", 1, 0, 75, len(frames), 116)
    assert np.array_equal(decode(tag.ljust(208, b"\0") + frames), decode(frames))


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 30_000), st.integers(0, 255))
def test_any_bytes_have_a_length_or_none(junk: bytes, place: int, byte: int) -> None:
    damaged = bytearray(ID3 + mp3_without_length(tone(0.5), 16_000, 48) + TAILS["APEv2"])
    damaged[place % len(damaged)] = byte
    for data in (junk, ID3[:9] + junk, b"\xff\xfb\x90\x00" + junk, bytes(damaged)):
        readable, stated = with_stated_length(data)
        assert readable == data or not stated
