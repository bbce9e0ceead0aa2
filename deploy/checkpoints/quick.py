"""The recipe in small: a few voices, a few steps, both files written and read back."""

import tempfile
from pathlib import Path

import numpy as np

from consumer.errors import PermanentError
from consumer.inference.engine import create
from consumer.inference.options import EngineOptions
from deploy.checkpoints import (
    export,
    material,
    ranks,
    sortformer,
    stages,
    teach_head,
    titanet,
    tracks,
    train_diarizer,
    train_embedder,
    voices,
)  # fmt: skip
from deploy.checkpoints.conversations import Conversations, Difficulty, Sources, noises, spaces
from deploy.checkpoints.pool import UNCHANGED
from deploy.checkpoints.train_schedule import Schedule
from deploy.checkpoints.windows import Windows

VOICES = (
    "asterisk-it-carlo",
    "gcin-3",
    "gcin-5",
)  # from the three smallest packages with enough speech


def run(cache: Path) -> None:
    """Raise where a part of the recipe does not work; the checkpoints it writes are thrown away."""
    spoken = tracks.load(
        [voice for voice in voices.read() if voice.voice in VOICES], cache, (UNCHANGED,)
    )
    rng = np.random.default_rng(0)
    rooms, background = spaces(rng, 2), noises(rng, [], spoken)
    source = Conversations(spoken, rooms, background)
    sources = Sources(source, source)
    develop = [
        source.draw(rng, 8.0, Difficulty((0.0, 1.0, 0.0, 0.0), same_package=0.0)) for _ in range(2)
    ]
    windows = Windows(spoken, rooms, background)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ranks.together(
            2,
            lambda: train_diarizer.train(
                sortformer.build(), sources, develop,
                train_diarizer.Plan(Schedule(6), report=3, check=6, stages=stages.QUICK),
                folder / "diarizer.pt", folder / "diarizer.csv",
                lambda heard: teach_head.teach(heard, sources, Schedule(8), first=2),
            ),
        )  # fmt: skip
        train_embedder.train(
            titanet.build(), windows, material.cut(spoken),
            train_embedder.Plan(Schedule(4), size=4, most=20, first=8, report=2, check=4),
            folder / "embedder.pt", folder / "embedder.csv",
        )  # fmt: skip
        pair = EngineOptions(
            str(export.diarizer(folder / "diarizer.pt", folder / "diarizer.nemo")),
            str(export.embedder(folder / "embedder.pt", windows, folder / "embedder.nemo")),
            device="cpu",
            threads=1,
        )
        answer = create(pair).analyze([develop[0].samples])[0]
        if isinstance(answer, PermanentError):
            raise answer
