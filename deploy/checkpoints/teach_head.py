"""The training loop of the head alone, on made-up voices (``made_up.py``) and on states that
another process keeps (``kept.py``).
"""

import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from nemo.collections.asr.models import SortformerEncLabelModel
from torch.utils.data import DataLoader, IterableDataset

from deploy.checkpoints import head_lessons, kept
from deploy.checkpoints.conversations import Sources
from deploy.checkpoints.kept import Kept
from deploy.checkpoints.naming import Naming
from deploy.checkpoints.optimizer import Optimizer
from deploy.checkpoints.train_schedule import Schedule

SECONDS = (12.0, 60.0)  # length of the conversations that are heard
UNKNOWN = 0.5  # share of them whose voices the encoder has never learnt from
ROOM = 6000  # of them are kept; the oldest make room
USED = 40  # times that each is used, about, in blocks that are never the same
SCHEDULE = Schedule(4000, 1.5e-3, 100, flat=0.8)


def parts(model: SortformerEncLabelModel) -> torch.nn.ModuleDict:
    """The head: what comes after the encoder."""
    return torch.nn.ModuleDict({"t": model.transformer_encoder, "s": model.sortformer_modules})


class Heard(IterableDataset[list[Kept]]):
    """Conversations without end as the model's encoder hears them; for one drawing process."""

    def __init__(self, model: SortformerEncLabelModel, sources: Sources, seed: int) -> None:
        self._model, self._sources, self._seed = model, sources, seed

    def __iter__(self) -> Iterator[list[Kept]]:
        rng = np.random.default_rng((self._seed, 1))
        while True:
            known = bool(rng.random() >= UNKNOWN)
            source = self._sources.known if known else self._sources.strangers
            yield kept.keep(self._model, source, rng, SECONDS, known)


def taught(model: SortformerEncLabelModel, sources: Sources, file: Path) -> None:
    """Give the model the head of ``file``; where there is none, teach one and keep it there."""
    if not file.exists():
        teach(model, sources)
        torch.save(parts(model).state_dict(), file)
    parts(model).load_state_dict(torch.load(file, map_location="cpu", weights_only=True))


def teach(
    model: SortformerEncLabelModel,
    sources: Sources,
    schedule: Schedule = SCHEDULE,
    first: int = 200,
    seed: int = 0,
) -> None:
    """Train the model's head on what its encoder makes of conversations, when ``first`` of them
    have been heard. The encoder stays as it is.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    head, naming = parts(model), Naming(model)
    optimizer = Optimizer(head, schedule.rate)
    loaded = iter(DataLoader(Heard(model.eval(), sources, seed), batch_size=None, num_workers=1))
    told, heard, used = deque[Kept](maxlen=ROOM), 0, 0
    recent: list[float] = []
    head.train()
    for step in range(schedule.steps):
        today = head_lessons.draw(rng, step / schedule.steps)
        if today.heard > 0:
            used += today.heard
            if not told:
                print(f"head: hears {first} conversations", file=sys.stderr, flush=True)
            while heard < max(first, used // USED):
                new = next(loaded)
                told.extend(new)
                heard += len(new)
        states, active = head_lessons.batch(today, told, rng)
        optimizer.at(schedule.at(step))
        lacks = naming.losses(states, torch.full((len(states),), today.frames), active)
        optimizer.zero_grad()
        head_lessons.loss(lacks).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
        recent.append(float(lacks["diarize"].detach()))
        if (step + 1) % 100 == 0:
            mean = np.mean(recent[-100:])
            print(f"head {step + 1}: loss {mean:.4f}", file=sys.stderr, flush=True)
    head.eval()
