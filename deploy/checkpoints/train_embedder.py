"""The embedder's training loop: the teacher's embedding by cosine, and the voices' directions by
softmax.
"""

import csv
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from nemo.collections.asr.models import EncDecSpeakerLabelModel
from torch.nn import functional

from deploy.checkpoints import titanet, windows
from deploy.checkpoints.averaging import Average
from deploy.checkpoints.reservoir import FRESH, Reservoir
from deploy.checkpoints.speech import Samples
from deploy.checkpoints.state import restore, store
from deploy.checkpoints.train_schedule import Schedule
from producer_tools.evaluate.trials import equal_error, trials


@dataclass(frozen=True)
class Plan:
    """How long, how fast, on what."""

    schedule: Schedule
    audio_s: float = 84.0  # seconds of audio in a step
    seconds: tuple[float, float] = (1.5, 3.5)
    fresh: int = 6  # blocks the teacher hears in a step
    scale: float = 20.0
    margin: float = 0.1
    classes: float = 0.2  # weight of the softmax
    report: int = 100
    check: int = 250


def loss(
    embedded: torch.Tensor,
    wanted: torch.Tensor,
    voice: torch.Tensor,
    directions: torch.Tensor,
    plan: Plan,
) -> tuple[torch.Tensor, dict[str, float]]:
    """Cosine distance to the teacher plus a softmax over the known voices, whose class weights are
    the teacher's (fixed) directions; a fresh block has no class.
    """
    distance = (1 - (embedded * wanted).sum(1)).mean()
    known = voice != FRESH
    cosines = embedded[known] @ directions.T
    cosines = cosines - plan.margin * functional.one_hot(voice[known], len(directions))
    classes = functional.cross_entropy(plan.scale * cosines, voice[known])
    return distance + plan.classes * classes, {
        "distance": float(distance.detach()),
        "classes": float(classes.detach()),
    }


def train(
    model: EncDecSpeakerLabelModel,
    blocks: Reservoir,
    spaces: list[list[Samples]],
    noises: list[Samples],
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
    average = Average(model, titanet.build())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    step = restore(state, model, average, optimizer, rng) or plan.schedule.start
    since, losses = time.time(), list[dict[str, float]]()
    while step < plan.schedule.steps:
        seconds = float(rng.uniform(*plan.seconds))
        blocks.grow(rng, plan.fresh)
        chosen = blocks.draw(rng, round(plan.audio_s / seconds))
        audio = windows.augmented(rng, blocks.audio[chosen], seconds, spaces, noises)
        for group in optimizer.param_groups:
            group["lr"] = plan.schedule.at(step)
        model.train()
        with torch.autocast("cpu", torch.bfloat16):
            embedded = titanet.embed(model, audio)
        voice = torch.from_numpy(blocks.voice[chosen])
        total, parts = loss(embedded, blocks.wanted[chosen], voice, blocks.directions, plan)
        optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        average.update(model)
        losses.append(parts)
        step += 1
        if step % plan.report == 0:
            row = {"step": float(step), "rate": plan.schedule.at(step)}
            row |= {key: float(np.mean([entry[key] for entry in losses])) for key in losses[0]}
            row["seconds"] = (time.time() - since) / plan.report
            if step % plan.check == 0:
                row["eer"] = error(average.model, development)
            write(curve, row)
            since, losses = time.time(), []
        if step % plan.check == 0 or step == plan.schedule.steps:
            store(state, model, average, optimizer, rng, step)
    return average.model


@torch.inference_mode()
def error(model: EncDecSpeakerLabelModel, voices: list[npt.NDArray[np.float32]]) -> float:
    """Equal error rate over all pairs of windows of the voices."""
    model.eval()
    embedded = [titanet.embed(model, torch.from_numpy(part)).numpy() for part in voices]
    return equal_error(*trials(embedded))[0]


def write(curve: Path, row: dict[str, float]) -> None:
    """Append a row to the learning curve and show it."""
    curve.parent.mkdir(parents=True, exist_ok=True)
    new = not curve.exists()
    with curve.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(
            file, ("step", "rate", "distance", "classes", "seconds", "eer"), lineterminator="\n"
        )
        if new:
            writer.writeheader()
        writer.writerow({key: f"{value:.6g}" for key, value in row.items()})
    print(
        "  ".join(f"{key} {value:.4g}" for key, value in row.items()), file=sys.stderr, flush=True
    )
