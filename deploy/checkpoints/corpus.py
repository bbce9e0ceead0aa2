"""Speech by voice, cached as one flat array of samples with the bounds of its stretches."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from deploy.checkpoints import packages, queen, speech, synthetic, vad
from deploy.checkpoints.paths import derived
from deploy.checkpoints.speech import SAMPLE_RATE, Samples
from deploy.checkpoints.voices import Voice

SUFFIXES = {".wav", ".ogg", ".opus", ".g722", ".gsm", ".als"}
AT_ONCE = 24  # recordings the detector hears side by side
LONGEST_S = 20 * 60  # of one voice: more adds nothing new to a table of many voices


@dataclass(frozen=True)
class Speech:
    """All speech of one voice: ``samples`` (int16, 16 kHz), ``bounds`` (n, 2) and the recording
    each came from (n,).
    """

    samples: npt.NDArray[np.int16]
    bounds: npt.NDArray[np.int64]
    recording: npt.NDArray[np.int64]

    def stretch(self, index: int) -> Samples:
        """One stretch of uninterrupted speech, float32."""
        start, end = self.bounds[index]
        return np.asarray(self.samples[start:end] / np.float32(32768), np.float32)

    @property
    def seconds(self) -> float:
        """Seconds of speech."""
        return float((self.bounds[:, 1] - self.bounds[:, 0]).sum()) / SAMPLE_RATE


def recordings(voice: Voice, cache: Path) -> Iterator[tuple[str, Samples]]:
    """Name and samples of every readable recording of the voice, in a fixed random order."""
    if voice.style == "synthetic":
        yield from synthetic.recordings(voice.pattern, cache)
        return
    folder = packages.unpacked(voice.package, cache)
    if voice.pattern.startswith("queen:"):
        yield from queen.recordings(voice.pattern.removeprefix("queen:"), folder)
        return
    files = sorted(path for path in folder.glob(voice.pattern) if path.is_file())
    files = [path for path in files if path.suffix.lower() in SUFFIXES]
    random.Random(voice.voice).shuffle(files)
    for path in files:
        try:
            yield path.name, speech.decode(path)
        except (av.FFmpegError, ValueError, IndexError):
            continue  # a few files of the packages are empty or not audio


def load(voice: Voice, cache: Path, level_alone: bool = False) -> Speech:
    """The voice's speech, from the cache or extracted now.

    ``level_alone`` cuts it as the held-out voices are cut, whose conversations were frozen before
    a detector of speech was used.
    """
    level_alone = level_alone or voice.split == "heldout"
    folder = cache if level_alone else derived(cache)
    stored = folder / "speech" / f"{voice.voice}.npz"
    if not stored.exists():
        stored.parent.mkdir(parents=True, exist_ok=True)
        extracted = extract(voice, cache, level_alone)
        np.savez(
            stored,
            samples=extracted.samples,
            bounds=extracted.bounds,
            recording=extracted.recording,
        )
    with np.load(stored) as arrays:
        return Speech(arrays["samples"], arrays["bounds"], arrays["recording"])


def extract(voice: Voice, cache: Path, level_alone: bool) -> Speech:
    """Decode, trim, bring to a common level (so that a recording's gain tells nothing), keep at
    most ``LONGEST_S``.
    """
    parts: list[npt.NDArray[np.int16]] = []
    bounds: list[tuple[int, int]] = []
    origin: list[int] = []
    position = 0
    for number, (samples, heard) in enumerate(_heard(voice, cache, level_alone)):
        spans = speech.stretches(samples, heard=heard)
        if not spans:
            continue
        level = np.sqrt(np.mean(np.concatenate([samples[a:b] for a, b in spans]) ** 2))
        scale = min(0.06 / max(level, 1e-5), 0.98 / max(np.abs(samples).max(), 1e-5))
        for start, end in spans:
            parts.append((samples[start:end] * scale * 32767).astype(np.int16))
            bounds.append((position, position + end - start))
            origin.append(number)
            position += end - start
        if position > LONGEST_S * SAMPLE_RATE:
            break
    return Speech(
        np.concatenate(parts) if parts else np.zeros(0, np.int16),
        np.asarray(bounds, np.int64).reshape(-1, 2),
        np.asarray(origin, np.int64),
    )


def _heard(
    voice: Voice, cache: Path, level_alone: bool
) -> Iterator[tuple[Samples, npt.NDArray[np.bool_] | None]]:
    """The voice's recordings and where a detector hears speech in them (None: nobody asked it)."""
    found = (samples for _, samples in recordings(voice, cache) if len(samples))
    while batch := list(islice(found, AT_ONCE)):
        # a detector of running speech misses many single letters
        if voice.style == "syllables" or level_alone:
            yield from ((samples, None) for samples in batch)
        else:
            yield from zip(batch, vad.heard(batch), strict=True)


def pitch_hz(spoken: Speech, stretches: int = 60) -> float:
    """Median fundamental frequency by autocorrelation of 40 ms frames (60 to 400 Hz); 0 where
    nothing is voiced.
    """
    found: list[float] = []
    low, high, width = SAMPLE_RATE // 400, SAMPLE_RATE // 60, SAMPLE_RATE // 25
    for index in range(0, len(spoken.bounds), max(1, len(spoken.bounds) // stretches)):
        samples = spoken.stretch(index)
        for start in range(0, len(samples) - 2 * width, width):
            frame = samples[start : start + 2 * width] - samples[start : start + 2 * width].mean()
            spectrum = np.abs(np.fft.rfft(frame, 4 * width)) ** 2
            correlation = np.fft.irfft(spectrum)[: high + 1]
            lag = low + int(np.argmax(correlation[low:]))
            if correlation[0] > 1e-3 and correlation[lag] > 0.5 * correlation[0]:
                found.append(SAMPLE_RATE / lag)
    return float(np.median(found)) if len(found) > 20 else 0.0
