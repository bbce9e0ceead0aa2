"""The diarizer's training loop: resumable, with a learning curve."""

import csv
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np
import torch
from nemo.collections.asr.models import SortformerEncLabelModel
from torch.utils.data import DataLoader, IterableDataset

from deploy.checkpoints import batches, joint, kept, ranks, sortformer, stages, teach_head
from deploy.checkpoints.averaging import Average
from deploy.checkpoints.batches import Batch
from deploy.checkpoints.conversations import Conversation, Sources
from deploy.checkpoints.joint import Lessons
from deploy.checkpoints.optimizer import Optimizer
from deploy.checkpoints.stages import STAGES, Stage
from deploy.checkpoints.state import restore, store
from deploy.checkpoints.train_schedule import Schedule

MOMENT_S, MOMENT_EVERY_S = (0.1, 0.3), 3.0  # what is hidden, and how often
MET_S = 10.0  # of strangers, in a step of each process: one conversation, however long


@dataclass(frozen=True)
class Plan:
    """How long and how fast."""

    schedule: Schedule
    report: int = 100
    check: int = 500
    stages: tuple[Stage, ...] = STAGES


class Drawn(IterableDataset[tuple[Batch, Batch | None]]):
    """Batches without end, each as the stage of its step asks, and strangers where it has lessons
    beside; for one drawing process of each rank.
    """

    def __init__(
        self, model: SortformerEncLabelModel, sources: Sources, plan: Plan, step: int, seed: int
    ) -> None:
        self._model, self._sources = model, sources
        self._plan, self._step, self._seed = plan, step, seed

    def __iter__(self) -> Iterator[tuple[Batch, Batch | None]]:
        rng = np.random.default_rng((self._seed, ranks.number(), self._step))
        for step in count(self._step):
            current = stages.stage(step, self._plan.stages)
            kind = np.random.default_rng((self._seed, step))
            share = replace(current, audio_s=current.audio_s / ranks.many())
            batch = batches.draw(self._model, self._sources.known, rng, share, kind)
            yield batch, self._strangers(rng, current) if current.aside else None

    def _strangers(self, rng: np.random.Generator, current: Stage) -> Batch:
        return kept.draw_few(self._model, self._sources.strangers, rng, current.seconds, MET_S)


def train(
    model: SortformerEncLabelModel,
    sources: Sources,
    development: list[Conversation],
    plan: Plan,
    state: Path,
    curve: Path,
    teach: Callable[[SortformerEncLabelModel], None],
    seed: int = 0,
) -> SortformerEncLabelModel:
    """Train to ``plan.schedule.steps`` (from ``state`` where it exists); returns the averaged
    model. Where several processes do that (``ranks.py``), each hears its part of a step's audio.

    ``teach`` is called with it before its head is first used (``teach_head.py``).
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    joint.quick_convolutions(model)
    lessons = Lessons.of(model)
    average = Average(model, sortformer.build())
    optimizer = Optimizer(lessons.listening, plan.schedule.rate)
    step = restore(state, lessons.listening, average, optimizer, rng) or plan.schedule.start
    if ranks.number() > 0:  # what is drawn here must be something else than in the first
        rng = np.random.default_rng((seed, ranks.number(), step))
        torch.manual_seed(int(rng.integers(2**32)))
    drawn = Drawn(model, sources, plan, step, seed)
    loaded = iter(DataLoader(drawn, batch_size=None, num_workers=1))
    since, losses = time.time(), list[dict[str, float]]()
    while step < plan.schedule.steps:
        current = stages.stage(step, plan.stages)
        before = stages.stage(max(step - 1, 0), plan.stages)
        if current.diarize and (step == 0 or not before.diarize):
            if ranks.number() == 0:
                teach(average.model)
            ranks.share(average.model)
            teach_head.parts(model).load_state_dict(teach_head.parts(average.model).state_dict())
        optimizer.at(plan.schedule.at(step))
        batch, strangers = next(loaded)
        if strangers is not None:
            lessons.meet(strangers)
        model.train()
        loss, parts = joint.loss(_masked(batch, rng), current, lessons, rng)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        ranks.average(lessons.listening.parameters())
        torch.nn.utils.clip_grad_norm_(lessons.listening.parameters(), 1.0)
        optimizer.step()
        step += 1
        if ranks.number() > 0:  # the first keeps the average, the curve and the state
            continue
        average.update(model)
        losses.append(parts)
        if step % plan.report == 0:
            means = {
                key: float(np.mean([p[key] for p in losses if key in p]))
                for key in dict.fromkeys(key for p in losses for key in p)
            }
            row = {
                "step": step,
                "rate": plan.schedule.at(step),
                **means,
                "seconds": (time.time() - since) / plan.report,
            }
            if step % plan.check == 0 and current.diarize:
                errors = joint.frame_error(average.model, development)
                row |= {f"error_{key or 'all'}": value for key, value in errors.items()}
            _write(curve, row)
            since, losses = time.time(), []
        if step % plan.check == 0 or step == plan.schedule.steps:
            store(state, lessons.listening, average, optimizer, rng, step, plan.schedule)
    return average.model


def _masked(batch: Batch, rng: np.random.Generator) -> Batch:
    """The batch with up to two bands of up to eight mel rows silenced per conversation, and in
    half of them moments: what happens there has to be heard around it.
    """
    features = batch.features.clone()
    shortest, longest = (round(seconds / sortformer.HOP_S) for seconds in MOMENT_S)
    for row in features:
        for _ in range(int(rng.integers(0, 3))):
            first = int(rng.integers(0, 76))
            row[first : first + int(rng.integers(1, 9))] = 0
        if rng.random() < 0.5:
            moments = round(row.shape[1] * sortformer.HOP_S / MOMENT_EVERY_S)
            for first in rng.integers(row.shape[1], size=moments):
                row[:, first : first + int(rng.integers(shortest, longest))] = 0
    return replace(batch, features=features)


COLUMNS = (
    "step", "rate", "voices", "relations", "deep", "diarize", "attention", "intermediate",
    "aside", "seconds", "error_all", "error_1", "error_2", "error_3", "error_4",
)  # fmt: skip


def _write(curve: Path, row: dict[str, float]) -> None:
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
