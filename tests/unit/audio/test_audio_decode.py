"""Decoding: what comes in is what comes out, and what is refused says why."""

import io
import struct
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import soxr

from consumer.audio.decode import DecodeLimits, decode
from consumer.errors import PermanentError, Reason
from consumer.inference.results import Waveform
from tests.audio_samples import muxed, sound, tone, wav

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


def refusal(data: bytes, channel: int | None = None, limits: DecodeLimits | None = None) -> Reason:
    with pytest.raises(PermanentError) as caught:
        decode(data, channel=channel, limits=limits or DecodeLimits())
    assert len(str(caught.value)) > 10
    return caught.value.reason


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


@pytest.mark.parametrize("channel", [-1, 2, 7])
def test_a_channel_that_is_not_there(channel: int) -> None:
    assert refusal(sound(tone(channels=2)), channel) is Reason.CHANNEL_OUT_OF_RANGE
    data = muxed(tone(channels=2, rate=48_000), 48_000, "webm", "libopus")
    assert refusal(data, channel) is Reason.CHANNEL_OUT_OF_RANGE


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


def test_too_long_by_declaration_and_by_content() -> None:
    limits = DecodeLimits(max_duration_s=2.0)
    assert len(decode(sound(tone(2.0)), limits=limits)) == 32_000
    for data in (
        sound(tone(2.001)),
        sound(tone(2.5), kind="FLAC"),
        sound(tone(2.5), kind="MP3"),
        sound(tone(2.5), kind="OGG"),
        muxed(tone(2.5, 48_000), 48_000, "webm", "libopus"),
        muxed(tone(2.5, 48_000), 48_000, "mp4", "aac"),
    ):
        assert refusal(data, limits=limits) is Reason.TOO_LONG


def test_a_flac_that_declares_no_length_is_measured() -> None:
    data = bytearray(sound(tone(3.0), kind="FLAC"))
    data[21] &= 0xF0  # STREAMINFO's 36 bits of total samples: 0 is "unknown"
    data[22:26] = bytes(4)
    assert refusal(bytes(data), limits=DecodeLimits(max_duration_s=2.0)) is Reason.TOO_LONG


# Run alone: the peak of a process only ever rises. (`ru_maxrss` begins with the parent's peak.)
BOMB = """
import re, sys
from pathlib import Path
from consumer.audio.decode import decode
from consumer.errors import PermanentError
data = open(sys.argv[1], "rb").read()
peak = lambda: int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])
before = peak()
try:
    decode(data)
except PermanentError as error:
    print(error.reason, peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is Linux's")
@pytest.mark.parametrize("declared", [True, False])
def test_ten_hours_in_few_bytes_are_not_expanded(tmp_path: Path, declared: bool) -> None:
    path = tmp_path / "bomb.flac"
    with soundfile.SoundFile(
        path, "w", 4_000, 1, format="FLAC", subtype="PCM_16", compression_level=1.0
    ) as file:
        for _ in range(3600):
            file.write(np.zeros(40_000, np.float32))  # 10 s
    data = bytearray(path.read_bytes())
    assert len(data) < 600_000
    if not declared:
        data[21] &= 0xF0
        data[22:26] = bytes(4)
        path.write_bytes(data)
    answer = subprocess.run(
        [sys.executable, "-c", BOMB, str(path)], capture_output=True, text=True, check=True
    ).stdout.split()
    assert answer[0] == Reason.TOO_LONG
    kilobytes = int(answer[1])  # ten hours as float32 at 16 kHz would be 2,250,000
    assert kilobytes < (10_000 if declared else 200_000)


PAYLOAD = (tone(1.0)[:, 0] * 32767).astype("<i2").tobytes()


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF024])
@pytest.mark.parametrize("riff_size", [0, 36, 0xFFFFFFFF])
def test_wav_of_a_recorder_that_could_not_seek(size: int, riff_size: int) -> None:
    data = wav(PAYLOAD, data_size=size, riff_size=riff_size)
    assert np.abs(decode(data) - tone()[:, 0]).max() < 1e-4


def test_an_empty_data_chunk_before_another_chunk_is_empty() -> None:
    extra = b"LIST" + struct.pack("<I", 4) + b"INFO"
    assert refusal(wav(extra, data_size=0)) is Reason.EMPTY_AUDIO


@pytest.mark.parametrize("missing", [2, 1000, 31_000])
def test_wav_that_promises_more(missing: int) -> None:
    assert refusal(wav(PAYLOAD)[:-missing]) is Reason.TRUNCATED_AUDIO


def rf64(promised: int) -> bytes:
    """One second whose ds64 chunk promises `promised` bytes of samples."""
    sizes = struct.pack("<IQQQI", 28, 0, promised, 0, 0)
    return b"RF64" + b"\xff" * 4 + b"WAVEds64" + sizes + wav(PAYLOAD, data_size=0xFFFFFFFF)[12:]


@pytest.mark.parametrize("promised", [len(PAYLOAD) + 2, 10**9, 2**31 - 1, 3 * 10**9, 10**12])
def test_rf64_that_promises_more(promised: int) -> None:
    assert refusal(rf64(promised)) is Reason.TRUNCATED_AUDIO


@pytest.mark.parametrize("promised", [0, len(PAYLOAD), 2**64 - 1])
def test_rf64_that_is_whole_or_states_no_size(promised: int) -> None:
    assert len(decode(rf64(promised))) == 16_000


WHOLE = {
    "wav": sound(tone(3.0)),
    "rf64": sound(tone(3.0), kind="RF64"),
    "flac": sound(tone(3.0), kind="FLAC"),
    "vorbis": sound(tone(3.0), kind="OGG"),
    "opus": sound(tone(3.0), kind="OGG", subtype="OPUS"),
    "mp3": sound(tone(3.0), kind="MP3"),
    "webm": muxed(tone(3.0, 48_000), 48_000, "webm", "libopus"),
    "m4a": muxed(tone(3.0, 48_000), 48_000, "mp4", "aac"),
}


@pytest.mark.parametrize("share", [0.3, 0.5, 0.77, 0.95, 0.999])
@pytest.mark.parametrize("kind", WHOLE)
def test_a_cut_file_is_truncated(kind: str, share: float) -> None:
    data = WHOLE[kind]
    assert len(decode(data)) > 47_000
    assert refusal(data[: int(len(data) * share)]) is Reason.TRUNCATED_AUDIO


def test_ogg_without_its_last_page() -> None:
    data = WHOLE["vorbis"]
    assert refusal(data[: data.rindex(b"OggS")]) is Reason.TRUNCATED_AUDIO


def test_decoding_imports_no_torch() -> None:
    code = "import sys, consumer.audio.pool, consumer.audio.worker; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "soundfile" in loaded
    assert not {"torch", "nemo", "confluent_kafka"} & set(loaded)
