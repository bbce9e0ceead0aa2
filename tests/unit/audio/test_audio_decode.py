"""Decoding: what comes in is what comes out."""

import io
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import soxr

from consumer.audio.decode import decode
from consumer.inference.results import Waveform
from tests.audio_samples import muxed, sound, tone

EXACT = [  # format, subtype, largest error of one sample at 16 kHz
    ("WAV", "PCM_U8", 1 / 100),
    ("WAV", "PCM_16", 1 / 30_000),
    ("WAV", "PCM_24", 1e-6),
    ("WAV", "PCM_32", 1e-6),
    ("WAV", "FLOAT", 0.0),
    ("WAV", "DOUBLE", 0.0),
    ("WAV", "ULAW", 0.02),
    ("WAV", "ALAW", 0.02),
    ("WAVEX", "PCM_16", 1 / 30_000),
    ("WAVEX", "FLOAT", 0.0),
    ("RF64", "PCM_16", 1 / 30_000),
    ("FLAC", "PCM_16", 1 / 30_000),
    ("FLAC", "PCM_24", 1e-6),
    ("OGG", "VORBIS", 0.1),
]
RATES = [4_000, 6_000, 8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 37_123, 44_100]
RATES += [48_000, 64_000, 88_200, 96_000, 176_400, 192_000]


def amplitude(waveform: Waveform, hertz: float = 440.0) -> float:
    """Amplitude of one frequency in the middle of a waveform, whatever its phase."""
    middle = waveform[len(waveform) // 4 : 3 * len(waveform) // 4].astype(np.float64)
    turns = np.exp(-2j * np.pi * hertz * np.arange(len(middle)) / 16_000)
    return float(2 * abs(np.mean(middle * turns)))


@pytest.mark.parametrize(("kind", "subtype", "error"), EXACT)
def test_every_width_comes_back(kind: str, subtype: str, error: float) -> None:
    signal = tone()
    waveform = decode(sound(signal, kind=kind, subtype=subtype))
    assert waveform.dtype == np.float32
    assert waveform.shape == (16_000,)
    assert np.abs(waveform - signal[:, 0]).max() <= error


@pytest.mark.parametrize("rate", RATES)
def test_every_rate_keeps_duration_pitch_and_loudness(rate: int) -> None:
    for seconds in (0.1, 1.0, 3.7):
        signal = tone(seconds, rate)
        waveform = decode(sound(signal, rate))
        assert abs(len(waveform) - len(signal) * 16_000 / rate) <= 1
    assert amplitude(waveform) == pytest.approx(0.5, rel=0.01)
    assert np.abs(waveform).max() < 0.6


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_mp3_comes_back(rate: int) -> None:
    waveform = decode(sound(tone(2.0, rate), rate, "MP3"))
    assert abs(len(waveform) - 32_000) <= 2
    assert amplitude(waveform) == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
def test_ogg_opus_comes_back(rate: int) -> None:
    waveform = decode(sound(tone(2.0, rate), rate, "OGG", "OPUS"))
    assert abs(len(waveform) - 32_000) <= 2
    assert amplitude(waveform) == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize(
    ("container", "codec", "slack"),
    [
        ("webm", "libopus", 0.03),
        ("matroska", "flac", 1e-4),
        ("mp4", "aac", 0.03),
        ("ipod", "aac", 0.03),  # FFmpeg's name for m4a
        ("mp4", "flac", 1e-4),
        ("matroska", "pcm_u8", 1e-4),
        ("matroska", "pcm_s16le", 1e-4),
        ("matroska", "pcm_s24le", 1e-4),
        ("matroska", "pcm_f64le", 1e-4),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_what_ffmpeg_writes_comes_back(
    container: str, codec: str, slack: float, channels: int
) -> None:
    data = muxed(tone(2.0, 48_000, channels=channels), 48_000, container, codec)
    waveform = decode(data, channel=0)
    assert abs(len(waveform) / 16_000 - 2.0) <= slack
    assert amplitude(waveform) == pytest.approx(0.5, rel=0.05)


def test_channel_is_chosen_or_all_are_averaged() -> None:
    data = sound(tone(channels=4), subtype="FLOAT")
    for channel in range(4):
        assert amplitude(decode(data, channel=channel)) == pytest.approx(0.5 / (channel + 1), 1e-3)
    mean = 0.5 * (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4
    assert amplitude(decode(data)) == pytest.approx(mean, 1e-3)
    stereo = muxed(tone(2.0, 48_000, channels=2), 48_000, "webm", "libopus")
    assert amplitude(decode(stereo, channel=1)) == pytest.approx(0.25, rel=0.05)


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("MP3", None), ("OGG", "VORBIS"), ("OGG", "OPUS")],
)
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_blocks_leave_no_seams(kind: str, subtype: str | None, rate: int) -> None:
    data = sound(tone(7.3, rate), rate, kind, subtype)
    whole, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    at_once = whole if rate == 16_000 else soxr.resample(whole, rate, 16_000, quality="HQ")
    by_blocks = decode(data)
    assert len(by_blocks) == len(at_once)
    assert np.abs(by_blocks - at_once).max() < 1e-5


def test_silence_is_audio() -> None:
    waveform = decode(sound(np.zeros((16_000, 1), np.float32), kind="FLAC"))
    assert waveform.shape == (16_000,)
    assert not waveform.any()


def test_decoding_imports_no_torch() -> None:
    code = "import sys, consumer.audio.pool, consumer.audio.worker; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "soundfile" in loaded
    assert not {"torch", "nemo", "confluent_kafka"} & set(loaded)
