"""Decodes a recording and cuts it into stretches of uninterrupted speech."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import soxr

SAMPLE_RATE = 16_000
Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Trim:
    """How speech is told from silence, by the level of 10 ms frames."""

    below_peak_db: float = 38.0  # quieter than this under the loud frames is silence ...
    above_floor_db: float = 9.0  # ... and so is what does not rise above the recording's own noise
    bridge_s: float = (
        0.20  # a shorter pause belongs to the speech around it (stops are up to 0.15 s)
    )
    pad_s: float = 0.03
    shortest_s: float = 0.12


def decode(source: Path | bytes, kind: str = "") -> Samples:
    """Mono float32 at 16 kHz. ``kind`` is the suffix where the name does not say it (raw g722 and
    gsm have no header).
    """
    kind = kind or (Path(source).suffix.lstrip(".").lower() if isinstance(source, Path) else "")
    if kind == "als":  # Drascula's lines: unsigned 8 bit, 11,025 Hz, no header
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
        raw = (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
        return np.asarray(soxr.resample(raw, 11_025, SAMPLE_RATE), np.float32)
    demuxer = {"g722": "g722", "gsm": "gsm", "mp3": "mp3"}.get(kind)
    opened = BytesIO(source) if isinstance(source, bytes) else str(source)
    parts: list[npt.NDArray[Any]] = []
    with av.open(opened, "r", format=demuxer) as container:
        stream = container.streams.audio[0]
        rate = stream.rate
        mono = av.AudioResampler(format="flt", layout="mono")
        for frame in container.decode(stream):
            parts.extend(out.to_ndarray()[0] for out in mono.resample(frame))
    samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if rate != SAMPLE_RATE:
        samples = soxr.resample(samples, rate, SAMPLE_RATE)
    return np.asarray(samples, np.float32)


def stretches(
    samples: Samples, trim: Trim = Trim(), heard: npt.NDArray[np.bool_] | None = None
) -> list[tuple[int, int]]:
    """Start and end sample of every stretch of speech, in order.

    Told by level; ``heard`` (one entry per 10 ms) leaves out what a detector does not take for
    speech.
    """
    hop = SAMPLE_RATE // 100
    frames = len(samples) // hop
    if frames < 5:
        return []
    power = np.square(samples[: frames * hop].reshape(frames, hop)).mean(1) + 1e-10
    level = 10 * np.log10(power)
    loud, floor = np.percentile(level, 95), np.percentile(level, 5)
    speech = level > max(loud - trim.below_peak_db, min(floor + trim.above_floor_db, loud - 12))
    if heard is not None:
        speech &= np.pad(heard, (0, max(0, frames - len(heard))))[:frames]
    edges = np.flatnonzero(np.diff(np.concatenate(([0], speech.astype(np.int8), [0])))).reshape(
        -1, 2
    )
    merged: list[list[int]] = []
    for start, end in edges:
        if merged and start - merged[-1][1] <= trim.bridge_s * 100:
            merged[-1][1] = end
        else:
            merged.append([start, end])
    pad = round(trim.pad_s * 100)
    return [
        (int(max(0, start - pad)) * hop, int(min(frames, end + pad)) * hop)
        for start, end in merged
        if end - start >= trim.shortest_s * 100
    ]
