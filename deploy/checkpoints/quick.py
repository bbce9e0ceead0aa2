"""The recipe in small: a few voices, a few steps, both files written and read back."""

import tempfile
from pathlib import Path

import numpy as np

from consumer.errors import PermanentError
from consumer.inference.engine import create
from consumer.inference.options import EngineOptions
from deploy.checkpoints import (
    export,
    joint,
    material,
    pool,
    rehearse,
    sortformer,
    titanet,
    train_diarizer,
    train_embedder,
    voices,
    windows,
)  # fmt: skip
from deploy.checkpoints.conversations import Conversations, Difficulty, noises, spaces
from deploy.checkpoints.train_schedule import Schedule

VOICES = (
    "asterisk-it-carlo",
    "gcin-3",
    "gcin-5",
)  # from the three smallest packages with enough speech


def run(cache: Path) -> None:
    """Raise where a part of the recipe does not work; the checkpoints it writes are thrown away."""
    spoken = pool.load([voice for voice in voices.read() if voice.voice in VOICES], cache, (1.0,))
    rng = np.random.default_rng(0)
    rooms, background = spaces(rng, 2), noises(rng, [], spoken)
    source = Conversations(spoken, rooms, background)
    develop = [
        source.draw(rng, 8.0, Difficulty((0.0, 1.0, 0.0, 0.0), same_package=0.0)) for _ in range(2)
    ]
    taught = windows.blocks(spoken, cache)
    targets = joint.directions(material.centroids(spoken, cache))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rehearsed = rehearse.rehearse(folder / "head.pt", Schedule(4))
        train_diarizer.train(
            sortformer.build(), source, develop, targets,
            train_diarizer.Plan(Schedule(6), report=3, check=6, stages=joint.QUICK),
            folder / "diarizer.pt", folder / "diarizer.csv", rehearsed,
        )  # fmt: skip
        train_embedder.train(
            titanet.build(), material.reservoir(taught, spoken), rooms, background,
            [taught.audio[taught.voice == v] / np.float32(32768) for v in range(len(spoken))],
            train_embedder.Plan(Schedule(4), audio_s=12, report=2, check=4),
            folder / "embedder.pt", folder / "embedder.csv",
        )  # fmt: skip
        pair = EngineOptions(
            str(export.diarizer(folder / "diarizer.pt", folder / "diarizer.nemo")),
            str(export.embedder(folder / "embedder.pt", folder / "embedder.nemo")),
            device="cpu",
            threads=1,
        )
        answer = create(pair).analyze([develop[0].samples])[0]
        if isinstance(answer, PermanentError):
            raise answer
