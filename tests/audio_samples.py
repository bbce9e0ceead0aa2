"""Small audio files made on the fly. Deterministic; nothing of this is stored."""

import io
import itertools
import struct
from collections.abc import Mapping
from fractions import Fraction

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

Signal = NDArray[np.float32]


def tone(
    seconds: float = 1.0, rate: int = 16_000, hertz: float = 440.0, channels: int = 1
) -> Signal:
    """Sines, shape (frames, channels); channel c has amplitude 0.5 / (c + 1)."""
    time = np.arange(round(seconds * rate)) / rate
    wave = np.sin(2 * np.pi * hertz * time)
    return np.stack([0.5 / (c + 1) * wave for c in range(channels)], axis=1).astype(np.float32)


def sound(
    signal: Signal, rate: int = 16_000, kind: str = "WAV", subtype: str | None = None
) -> bytes:
    """`signal` of shape (frames,) or (frames, channels) in a format libsndfile writes."""
    file = io.BytesIO()
    soundfile.write(file, signal, rate, format=kind, subtype=subtype)
    return file.getvalue()


def muxed(
    signal: Signal,
    rate: int,
    container: str,
    codec: str,
    *,
    gaps: Mapping[int, float] | None = None,
    start: int = 0,
) -> bytes:
    """`signal` of shape (frames, channels) in a container FFmpeg writes: webm, mp4, ...

    `gaps` has seconds that the container's clock runs on by at a frame, `start` is the timestamp
    of the first frame.
    """
    file = io.BytesIO()
    layout = {1: "mono", 2: "stereo"}[signal.shape[1]]
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, av.AudioStream)
        places = sorted(gaps or {})
        pts = start
        for begin, end in itertools.pairwise([0, *places, len(signal)]):
            pts += round((gaps or {}).get(begin, 0.0) * rate)
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(signal[begin:end].reshape(1, -1)), format="flt", layout=layout
            )
            frame.sample_rate = rate
            frame.time_base = Fraction(1, rate)
            frame.pts = pts
            pts += end - begin
            for packet in stream.encode(frame):
                output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)
    return file.getvalue()


def mp3_without_length(signal: Signal, rate: int, kbits: int | None = None) -> bytes:
    """`signal` of shape (frames, 1) as FFmpeg writes an MP3 to a pipe: no frame states a length.

    Without `kbits` every frame takes as many bits as it needs.
    """
    file = io.BytesIO()
    options = {"write_xing": "0", "id3v2_version": "0"}
    with av.open(file, "w", format="mp3", options=options) as output:
        stream = output.add_stream("libmp3lame", rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        if kbits is None:
            stream.codec_context.qscale = True
        else:
            stream.bit_rate = kbits * 1000
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(signal.reshape(1, -1)), format="fltp", layout="mono"
        )
        frame.sample_rate = rate
        frame.pts = 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def wav(
    payload: bytes,
    *,
    rate: int = 16_000,
    channels: int = 1,
    bits: int = 16,
    tag: int = 1,
    data_size: int | None = None,
    riff_size: int | None = None,
) -> bytes:
    """A WAV file written byte by byte, so that its header can lie."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits)
    size = len(payload) if data_size is None else data_size
    riff = 36 + len(payload) if riff_size is None else riff_size
    head = b"RIFF" + struct.pack("<I", riff & 0xFFFFFFFF) + b"WAVEfmt " + struct.pack("<I", 16)
    return head + form + b"data" + struct.pack("<I", size) + payload
