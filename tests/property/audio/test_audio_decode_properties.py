"""Any bytes give a waveform or a PermanentError: nothing else, from no damage."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer.audio.decode import DecodeLimits, decode
from consumer.errors import PermanentError, Reason
from tests.audio_samples import muxed, sound, tone

LIMITS = DecodeLimits(max_duration_s=5.0)
WHOLE = {
    "wav": sound(tone(0.5)),
    "float": sound(tone(0.5), subtype="FLOAT"),
    "rf64": sound(tone(0.5), kind="RF64"),
    "ulaw": sound(tone(0.5), subtype="ULAW"),
    "flac": sound(tone(0.5), kind="FLAC"),
    "vorbis": sound(tone(0.5), kind="OGG"),
    "opus": sound(tone(0.5), kind="OGG", subtype="OPUS"),
    "mp3": sound(tone(0.5), kind="MP3"),
    "webm": muxed(tone(0.5, 48_000), 48_000, "webm", "libopus"),
    "m4a": muxed(tone(0.5, 48_000), 48_000, "mp4", "aac"),
}
MAGIC = [b"", b"RIFF\x00\x00\x00\x00WAVE", b"RF64\xff\xff\xff\xffWAVE", b"fLaC", b"OggS", b"ID3"]
MAGIC += [b"\xff\xfb\x90\x00", b"\x1aE\xdf\xa3", b"\x00\x00\x00\x18ftypM4A "]
relaxed = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


def answer(data: bytes, channel: int | None = None) -> Reason | None:
    try:
        waveform = decode(data, channel=channel, limits=LIMITS)
    except PermanentError as error:
        return error.reason
    assert waveform.dtype == np.float32
    assert waveform.ndim == 1
    assert 0 < len(waveform) <= LIMITS.max_duration_s * 16_000 + 1
    assert np.isfinite(waveform).all()
    return None


@relaxed
@given(st.sampled_from(MAGIC), st.binary(max_size=400), st.none() | st.integers(-2, 40))
def test_any_bytes(magic: bytes, rest: bytes, channel: int | None) -> None:
    answer(magic + rest, channel)


@pytest.mark.parametrize("kind", WHOLE)
@relaxed
@given(data=st.data())
def test_any_damage(kind: str, data: st.DataObject) -> None:
    damaged = bytearray(WHOLE[kind])
    places = st.integers(0, len(damaged) - 1) | st.integers(0, 200)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(places)] = data.draw(st.integers(0, 255))
    answer(bytes(damaged))


@pytest.mark.parametrize("kind", WHOLE)
@relaxed
@given(data=st.data())
def test_a_cut_anywhere(kind: str, data: st.DataObject) -> None:
    whole = WHOLE[kind]
    kept = whole[: data.draw(st.integers(0, len(whole) - 1))]
    reason = answer(kept)
    if kind == "webm" and reason is None:
        # The index behind the last cluster may be missing: every sample is there then.
        assert len(decode(kept)) == len(decode(whole))
        return
    assert reason in (Reason.TRUNCATED_AUDIO, Reason.NOT_AUDIO, Reason.EMPTY_OBJECT)


@relaxed
@given(
    st.integers(4_000, 192_000),
    st.integers(1, 5_000),
    st.integers(1, 8),
    st.sampled_from(["WAV", "FLAC"]),
)
def test_length_is_that_of_the_audio(rate: int, frames: int, channels: int, kind: str) -> None:
    if kind == "FLAC" and rate > 65_535:
        rate -= rate % 10  # its header holds no other rates up there
    signal = np.full((frames, channels), 0.25, np.float32)
    expected = frames * 16_000 / rate
    if expected < 0.5:  # rounds to no sample at all
        assert answer(sound(signal, rate, kind)) is Reason.EMPTY_AUDIO
    else:
        assert abs(len(decode(sound(signal, rate, kind))) - expected) <= 1
