"""Audio that is shorter than it promises, or longer than it may be."""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from consumer.audio.decode import DecodeLimits, decode
from consumer.errors import Reason
from tests.audio_samples import muxed, sound, tone, wav
from tests.unit.audio.refused import refusal


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
