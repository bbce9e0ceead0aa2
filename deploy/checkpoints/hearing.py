"""Says how well voices are told apart by a passage of them alone: by the diarizer's states, by the
embedder and by the teacher.

In a conversation an encoder can tell voices by comparison; the diarizer of 19,800 steps did that
and hardly heard who speaks: what it cannot tell on a passage it guesses in a conversation.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from nemo.collections.asr.models import SortformerEncLabelModel
from rich.table import Table

from deploy.checkpoints import blame, export, material, titanet
from deploy.checkpoints.teacher import Teacher
from producer_tools.evaluate.trials import equal_error, trials

SECONDS = 1.6
EDGE = 2  # frames at either end of a passage that do not count

Floats = npt.NDArray[np.float32]
Embed = Callable[[Floats], Floats]


def table(cache: Path) -> Table:
    """Equal error rates in percent of the shipped files and the teacher."""
    diarizer, embedder, teacher = export.load_diarizer(), export.load_embedder(), Teacher()

    @torch.inference_mode()
    def embed(passages: Floats) -> Floats:
        return titanet.embed(embedder, torch.from_numpy(passages)).numpy()

    judges: dict[str, Embed] = {
        "states": lambda passages: states(diarizer, passages),
        "embedder": embed,
        "teacher": teacher.embed,
    }
    shown = Table("voices of", "voices", *judges, title=f"passages of {SECONDS} s, EER in %")
    for split in ("development", "train"):
        spoken = [voice for voice in blame.people(cache, split) if voice.voice.minutes >= 1]
        passages = material.cut(spoken, SECONDS)
        rates = [100 * error([judge(rows) for rows in passages]) for judge in judges.values()]
        shown.add_row(split, str(len(passages)), *(f"{rate:.1f}" for rate in rates))
    return shown


@torch.inference_mode()
def states(model: SortformerEncLabelModel, passages: Floats) -> Floats:
    """The mean (n, encoder width) of the encoder's states, each of length 1, over passages
    (n, samples).
    """
    audio = torch.from_numpy(passages)
    audio = audio / (audio.abs().amax(1, keepdim=True) + 1e-3)
    features, lengths = model.preprocessor(
        input_signal=audio, length=torch.full((len(audio),), audio.shape[1])
    )
    encoded = model.encoder(audio_signal=features, length=lengths)[0][:, :, EDGE:-EDGE]
    found: Floats = torch.nn.functional.normalize(encoded, dim=1).mean(2).numpy()
    return found


def error(voices: list[Floats]) -> float:
    """Equal error rate over all pairs of rows (n, width) of the voices, less the mean of all."""
    centre = np.concatenate(voices).mean(0)
    moved = [rows - centre for rows in voices]
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in moved]
    return float(equal_error(*trials(unit))[0])
