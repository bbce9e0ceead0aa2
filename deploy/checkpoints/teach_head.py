"""The training loop of the head alone, on states that another process keeps: from few voices and
frames to many.
"""

import sys
from collections import deque
from collections.abc import Iterator

import numpy as np
import torch
from nemo.collections.asr.models import SortformerEncLabelModel
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

from deploy.checkpoints import kept, losses, sortformer
from deploy.checkpoints.attention import Attention
from deploy.checkpoints.conversations import Conversations
from deploy.checkpoints.intermediate import Intermediate
from deploy.checkpoints.kept import Kept
from deploy.checkpoints.optimizer import Optimizer
from deploy.checkpoints.train_schedule import Schedule

SECONDS = (12.0, 60.0)  # length of the conversations that are heard
ROOM = 3000  # of them are kept; the oldest make room
USED = 4  # times that each is used, about: 2000 were learnt by heart in 2600 steps (`TRIED.md`)
SCHEDULE = Schedule(2600, 2.5e-3, 100)
FRAMES, MOST = 5500, 48  # frames in a step, and conversations at most
ATTENTION, INTERMEDIATE = 0.3, 0.5  # weights of the attention's and the lower layers' losses


def parts(model: SortformerEncLabelModel) -> torch.nn.ModuleDict:
    """The head: what comes after the encoder."""
    return torch.nn.ModuleDict({"t": model.transformer_encoder, "s": model.sortformer_modules})


class Heard(IterableDataset[list[Kept]]):
    """Conversations without end as the model's encoder hears them; for one drawing process."""

    def __init__(self, model: SortformerEncLabelModel, source: Conversations, seed: int) -> None:
        self._model, self._source, self._seed = model, source, seed

    def __iter__(self) -> Iterator[list[Kept]]:
        rng = np.random.default_rng((self._seed, 1))
        while True:
            yield kept.keep(self._model, self._source, rng, SECONDS)


def teach(
    model: SortformerEncLabelModel,
    source: Conversations,
    schedule: Schedule = SCHEDULE,
    first: int = 200,
    seed: int = 0,
) -> None:
    """Train the model's head on what its encoder makes of the source's conversations, when
    ``first`` of them have been heard. The encoder stays as it is.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    head, attention, below = parts(model), Attention(model), Intermediate(model)
    optimizer = Optimizer(head, schedule.rate)
    loaded = iter(DataLoader(Heard(model.eval(), source, seed), batch_size=None, num_workers=1))
    told, heard, used = deque[Kept](maxlen=ROOM), 0, 0
    recent: list[float] = []
    print(f"head: hears {first} conversations first", file=sys.stderr, flush=True)
    head.train()
    for step in range(schedule.steps):
        size, count, most = _lesson(rng, step / schedule.steps)
        used += size
        while heard < max(first, used // USED):
            new = next(loaded)
            told.extend(new)
            heard += len(new)
        states, active = kept.draw(told, rng, size, count, most)
        optimizer.at(schedule.at(step))
        with torch.autocast("cpu", torch.bfloat16):
            logits = sortformer.head(model, states, torch.full((size,), count))
            ordered = losses.leading_order(logits, active)
            lower = below.loss(ordered)
        loss = functional.binary_cross_entropy_with_logits(logits.float(), ordered)
        total = loss + ATTENTION * attention.loss(active) + INTERMEDIATE * lower
        optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
        recent.append(float(loss.detach()))
        if (step + 1) % 100 == 0:
            mean = np.mean(recent[-100:])
            print(f"head {step + 1}: loss {mean:.4f}", file=sys.stderr, flush=True)
    head.eval()


def _lesson(rng: np.random.Generator, done: float) -> tuple[int, int, int]:
    """Conversations, frames of each and voices at most, when ``done`` of the steps are over."""
    if done < 0.1:
        frames, most = (60, 61), 2
    elif done < 0.25:
        frames, most = (80, 160), 3
    else:
        frames, most = (120, 400) if done < 0.6 else (150, 700), 4
    count = int(rng.integers(*frames))
    return min(MOST, max(4, FRAMES // count)), count, most
