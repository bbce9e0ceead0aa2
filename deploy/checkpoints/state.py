"""The resumable state of a training: weights, average, optimizer, random generators, step."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from deploy.checkpoints.averaging import Average
from deploy.checkpoints.train_schedule import Schedule


class Resumable(Protocol):
    """What an optimizer must do to be kept."""

    def state_dict(self) -> dict[str, Any]:
        """All it remembers."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Remember that."""


def store(
    file: Path,
    model: torch.nn.Module,
    average: Average,
    optimizer: Resumable,
    rng: np.random.Generator,
    step: int,
    schedule: Schedule,
) -> None:
    """Write the state; an interrupted write leaves the old file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".part")
    torch.save(
        {
            "model": model.state_dict(),
            "average": average.model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "rng": rng.bit_generator.state,
            "torch": torch.get_rng_state(),
            "step": step,
            "start": step if step == schedule.steps else schedule.start,
        },
        partial,
    )
    partial.replace(file)


def restore(
    file: Path,
    model: torch.nn.Module,
    average: Average,
    optimizer: Resumable,
    rng: np.random.Generator,
) -> int:
    """Read the state where there is one; returns the step."""
    if not file.exists():
        return 0
    saved = torch.load(file, map_location="cpu", weights_only=True)
    model.load_state_dict(saved["model"])
    average.model.load_state_dict(saved["average"])
    average.resume(saved["step"])
    optimizer.load_state_dict(saved["optimizer"])
    rng.bit_generator.state = saved["rng"]
    torch.set_rng_state(saved["torch"])
    return int(saved["step"])


def start(file: Path) -> int:
    """The step at which the schedule begins of a run that goes on from the state: that of the run
    that wrote it, or where that run ended, its rate having fallen.
    """
    return int(torch.load(file, map_location="cpu", weights_only=True)["start"])
