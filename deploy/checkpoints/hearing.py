"""Says how well voices are told apart by a passage of them alone: by the diarizer's states, by the
embedder and by the teacher.

In a conversation an encoder can tell voices by comparison; what it cannot tell on a passage it
guesses there.
"""

from pathlib import Path

import numpy as np
import torch
from nemo.collections.asr.models import SortformerEncLabelModel
from rich.table import Table

from deploy.checkpoints import batches, blame, material
from deploy.checkpoints.blame import Floats, Judges
from producer_tools.evaluate.trials import equal_error, trials

SECONDS = 1.6
SHORTEST_MIN = 1.0  # speech of a voice that takes part
EDGE = 2  # frames at either end of a passage that do not count


def table(cache: Path, judges: Judges) -> Table:
    """Equal error rates in percent."""
    columns = ("states", "embedder", "teacher")
    shown = Table("voices of", "voices", *columns, title=f"passages of {SECONDS} s, EER in %")
    for split in ("development", "train"):
        everyone = blame.people(cache, split)
        spoken = [voice for voice in everyone if voice.voice.minutes >= SHORTEST_MIN]
        passages = material.cut(spoken, SECONDS)
        answers = (
            [states(judges.diarizer, rows) for rows in passages],
            [judges.embedder(rows) for rows in passages],
            [judges.teacher(rows) for rows in passages],
        )
        rates = [f"{100 * error(voices):.1f}" for voices in answers]
        shown.add_row(split, str(len(passages)), *rates)
    return shown


@torch.inference_mode()
def states(model: SortformerEncLabelModel, passages: Floats) -> Floats:
    """The mean (n, encoder width) of the encoder's states, each of length 1, over passages
    (n, samples).
    """
    features, lengths = batches.mel(model, passages)
    encoded = model.encoder(audio_signal=features, length=lengths)[0][:, :, EDGE:-EDGE]
    found: Floats = torch.nn.functional.normalize(encoded, dim=1).mean(2).numpy()
    return found


def error(voices: list[Floats]) -> float:
    """Equal error rate over all pairs of rows (n, width) of the voices, less the mean of all."""
    centre = np.concatenate(voices).mean(0)
    moved = [rows - centre for rows in voices]
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in moved]
    return float(equal_error(*trials(unit))[0])
