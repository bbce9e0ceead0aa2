"""Objects with different answers, so that a wrong pairing of chunk and result shows."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

import producer_tools
from consumer.audio.decode import decode
from consumer.inference.options import EngineOptions
from consumer.inference.results import SAMPLE_RATE, Analysis, Engine, Waveform
from consumer.inference.stand_in import StandInEngine
from tests.audio_samples import sound
from tests.service.installation import Installation

EngineName = Literal["stand-in", "compact"]

_NOISES = 64
_PIECE_S = 4
_MEETING = Path(producer_tools.__file__).parent / "sample" / "meeting.ogg"


@dataclass(frozen=True, slots=True)
class Sound:
    """An object, and what the engine must say of it."""

    fields: dict[str, object]  # of the AudioChunk
    analysis: Analysis


def sounds(installation: Installation, engine: EngineName = "stand-in") -> list[Sound]:
    """Put objects into the installation's store: a second of noise each for the stand-in engine,
    pieces of the sample meeting for the compact checkpoints.
    """
    waveforms, brain = (
        (_noises(), StandInEngine()) if engine == "stand-in" else (_pieces(), _compact())
    )
    made = []
    for number, waveform in enumerate(waveforms):
        data = sound(waveform, kind="FLAC")
        (analysis,) = brain.analyze([decode(data)])
        assert isinstance(analysis, Analysis)
        uri = installation.store(f"sound-{number}.flac", data)
        # As publishers do: of a chunk that may have any length, few fit into the memory at once.
        declared = {"size_bytes": len(data), "duration_s": len(waveform) / SAMPLE_RATE}
        made.append(Sound({"uri": uri, **declared}, analysis))
    brain.close()
    return made


def settings(engine: EngineName) -> dict[str, str]:
    """A member's settings that choose this engine; none for the stand-in, the installation's."""
    if engine == "stand-in":
        return {}
    return {
        "PATH": os.environ["PATH"],  # NeMo adds to it
        "SPEAKERSTREAM_ENGINE": "consumer.inference.engine:create",
        "SPEAKERSTREAM_DIARIZER": "compact",
        "SPEAKERSTREAM_EMBEDDER": "compact",
        "SPEAKERSTREAM_DEVICE": "cpu",
        "SPEAKERSTREAM_THREADS": "1",
    }


def _compact() -> Engine:
    from consumer.inference.engine import create  # late: torch

    return create(EngineOptions("compact", "compact", device="cpu", threads=1))


def _noises() -> list[Waveform]:
    return [
        np.random.default_rng(number).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
        for number in range(_NOISES)
    ]


def _pieces() -> list[Waveform]:
    meeting = decode(_MEETING.read_bytes())
    count = len(meeting) // (_PIECE_S * SAMPLE_RATE)
    return np.split(meeting[: count * _PIECE_S * SAMPLE_RATE], count)
