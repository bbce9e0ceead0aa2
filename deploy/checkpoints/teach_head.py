"""The training loop of the head alone, on kept states, from few voices and frames to many."""

import sys
import time
from collections.abc import Sequence

import numpy as np
import torch
from nemo.collections.asr.models import SortformerEncLabelModel
from torch.nn import functional

from deploy.checkpoints import kept, losses, sortformer
from deploy.checkpoints.attention import Attention
from deploy.checkpoints.conversations import Conversations
from deploy.checkpoints.intermediate import Intermediate
from deploy.checkpoints.kept import Kept
from deploy.checkpoints.optimizer import Optimizer
from deploy.checkpoints.train_schedule import Schedule

CONVERSATIONS, SECONDS = 2000, (12.0, 60.0)
SCHEDULE = Schedule(2600, 2.5e-3, 100)
FRAMES, MOST = 5500, 48  # frames in a step, and conversations at most
ATTENTION, INTERMEDIATE = 0.3, 0.5  # weights of the attention's and the lower layers' losses


def parts(model: SortformerEncLabelModel) -> torch.nn.ModuleDict:
    """The head: what comes after the encoder."""
    return torch.nn.ModuleDict({"t": model.transformer_encoder, "s": model.sortformer_modules})


def collect(
    model: SortformerEncLabelModel, source: Conversations, count: int = CONVERSATIONS, seed: int = 0
) -> list[Kept]:
    """At least ``count`` conversations as the model's encoder hears them."""
    rng, found, since = np.random.default_rng(seed), list[Kept](), time.time()
    while len(found) < count:
        found += kept.keep(model.eval(), source, rng, SECONDS)
        if time.time() - since > 20:
            print(f"kept {len(found)} of {count} conversations", file=sys.stderr, flush=True)
            since = time.time()
    return found


def teach(
    model: SortformerEncLabelModel,
    told: Sequence[Kept],
    schedule: Schedule = SCHEDULE,
    seed: int = 0,
) -> None:
    """Train the model's head; its encoder stays as it is."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    head, attention, below = parts(model).train(), Attention(model), Intermediate(model)
    optimizer = Optimizer(head, schedule.rate)
    recent: list[float] = []
    for step in range(schedule.steps):
        size, count, most = _lesson(rng, step / schedule.steps)
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
