"""The embedder's training loop: the teacher's answers to the same windows, and a hint at what it
pools.
"""

import csv
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from nemo.collections.asr.models import EncDecSpeakerLabelModel
from torch.nn import functional

from deploy.checkpoints import precision, teacher, titanet
from deploy.checkpoints.averaging import Average
from deploy.checkpoints.reservoir import Heard, Reservoir
from deploy.checkpoints.state import restore, store
from deploy.checkpoints.train_schedule import Schedule
from deploy.checkpoints.windows import Windows
from producer_tools.evaluate.trials import equal_error, trials


@dataclass(frozen=True)
class Plan:
    """How long, how fast, on what."""

    schedule: Schedule
    size: int = 24  # windows in a step
    fresh: int = 10  # windows the teacher hears in a step
    first: int = 400
    most: int = 7000  # windows that are kept
    hint: float = 0.5  # weight of the hint
    relations: float = 0.2  # weight of how near other windows are
    sharpness: float = 15.0  # of the softmax over other windows: their cosines are multiplied by it
    report: int = 100
    check: int = 250


class Student(torch.nn.Module):
    """The TitaNet, and a convolution that reads the teacher's frames from what it pools itself."""

    def __init__(self, model: EncDecSpeakerLabelModel) -> None:
        super().__init__()
        self.model = model
        self.hint = torch.nn.Conv1d(teacher.CHANNELS, teacher.CHANNELS, 3, padding=1)
        self._pooled = torch.zeros(0)
        model.encoder.register_forward_hook(self._listen)

    def _listen(self, module: torch.nn.Module, inputs: Any, output: Any) -> None:
        self._pooled = output[0]

    def loss(self, heard: Heard, plan: Plan) -> tuple[torch.Tensor, dict[str, float]]:
        """Cosine distance to the teacher's embedding, how far from its frames the hint is, and the
        divergence of the softmax over other windows' embeddings from the teacher's.
        """
        with precision.products():
            embedded = titanet.embed(self.model, heard.audio)
            frames = self.hint(self._pooled)
        count = min(frames.shape[2], heard.frames.shape[2])
        hint = functional.smooth_l1_loss(frames[..., :count].float(), heard.frames[..., :count])
        distance = (1 - (embedded * heard.embedding).sum(1)).mean()
        near = plan.sharpness * heard.others.T
        relations = functional.kl_div(
            functional.log_softmax(embedded @ near, 1),
            functional.log_softmax(heard.embedding @ near, 1),
            reduction="batchmean",
            log_target=True,
        )
        parts = {
            "distance": float(distance.detach()),
            "hint": float(hint.detach()),
            "relations": float(relations.detach()),
        }
        return distance + plan.hint * hint + plan.relations * relations, parts


def train(
    model: EncDecSpeakerLabelModel,
    windows: Windows,
    development: list[npt.NDArray[np.float32]],
    plan: Plan,
    state: Path,
    curve: Path,
    seed: int = 0,
) -> EncDecSpeakerLabelModel:
    """Train to the schedule's end (from ``state`` where it exists); returns the averaged model.

    ``development`` holds windows (n, samples) per development voice, for the curve.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    student, average = Student(model), Average(model, titanet.build())
    optimizer = torch.optim.AdamW(student.parameters(), lr=1e-3, weight_decay=1e-2)
    step = restore(state, student, average, optimizer, rng) or plan.schedule.start
    reservoir = Reservoir(windows, rng, plan.most, plan.first)
    answers = [reservoir.answers(part) for part in development]
    since, losses = time.time(), list[dict[str, float]]()
    while step < plan.schedule.steps:
        reservoir.grow(rng, plan.fresh)
        for group in optimizer.param_groups:
            group["lr"] = plan.schedule.at(step)
        student.train()
        total, parts = student.loss(reservoir.draw(rng, plan.size), plan)
        optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(student.parameters(), 5.0)
        optimizer.step()
        average.update(model)
        losses.append(parts)
        step += 1
        if step % plan.report == 0:
            row = {"step": float(step), "rate": plan.schedule.at(step)}
            row |= {key: float(np.mean([entry[key] for entry in losses])) for key in losses[0]}
            row["seconds"] = (time.time() - since) / plan.report
            if step % plan.check == 0:
                row |= measured(average.model, development, answers)
            write(curve, row)
            since, losses = time.time(), []
        if step % plan.check == 0 or step == plan.schedule.steps:
            store(state, student, average, optimizer, rng, step, plan.schedule)
    return average.model


@torch.inference_mode()
def measured(
    model: EncDecSpeakerLabelModel,
    voices: list[npt.NDArray[np.float32]],
    answers: list[torch.Tensor],
) -> dict[str, float]:
    """Equal error rate over all pairs of windows of the voices, and the mean cosine to the
    teacher's ``answers``, which few voices tell better.
    """
    model.eval()
    embedded = [titanet.embed(model, torch.from_numpy(part)) for part in voices]
    agreement = [
        (own * wanted).sum(1).mean() for own, wanted in zip(embedded, answers, strict=True)
    ]
    return {
        "eer": equal_error(*trials([part.numpy() for part in embedded]))[0],
        "agreement": float(torch.stack(agreement).mean()),
    }


COLUMNS = (
    "step",
    "rate",
    "distance",
    "hint",
    "relations",
    "seconds",
    "eer",
    "agreement",
    "classes",
)


def write(curve: Path, row: dict[str, float]) -> None:
    """Append a row to the learning curve and show it."""
    curve.parent.mkdir(parents=True, exist_ok=True)
    new = not curve.exists()
    with curve.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", restval="")
        if new:
            writer.writeheader()
        writer.writerow({key: f"{value:.6g}" for key, value in row.items()})
    print(
        "  ".join(f"{key} {value:.4g}" for key, value in row.items()), file=sys.stderr, flush=True
    )
