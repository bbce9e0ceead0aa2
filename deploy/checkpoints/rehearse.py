"""The training loop of the head's rehearsal on made-up voices."""

import sys
from pathlib import Path

import numpy as np
import torch

from deploy.checkpoints import losses, rehearsal, sortformer
from deploy.checkpoints.attention import Attention
from deploy.checkpoints.optimizer import Optimizer
from deploy.checkpoints.train_schedule import Schedule

BATCH, LONGER = 32, 16  # conversations in a step: of up to 16 s, of more
ATTENTION = 0.3  # weight of the attention's loss


def rehearse(target: Path, schedule: Schedule, seed: int = 0) -> Path:
    """Train the head from nothing and write its weights to ``target``."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = sortformer.build()
    head, attention = rehearsal.parts(model), Attention(model)
    optimizer = Optimizer(head, schedule.rate)
    recent: list[float] = []
    for step in range(schedule.steps):
        done = step / schedule.steps
        most = 2 if done < 0.15 else 3 if done < 0.3 else 4
        count = (
            60
            if done < 0.15
            else int(rng.integers(80, 160) if done < 0.5 else rng.integers(120, 400))
        )
        size = BATCH if count < 200 else LONGER
        hardness = float(np.clip((done - 0.05) * 1.6, 0, 1))
        states, active = rehearsal.batch(rng, size, count, most, hardness)
        optimizer.at(schedule.at(step))
        with torch.autocast("cpu", torch.bfloat16):
            logits = sortformer.head(model, states, torch.full((size,), count))
        loss = losses.permutation_free(logits, active, torch.ones(size, count))
        optimizer.zero_grad()
        (loss + ATTENTION * attention.loss(active)).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
        recent.append(float(loss.detach()))
        if (step + 1) % 100 == 0:
            print(
                f"rehearsal {step + 1}: loss {np.mean(recent[-100:]):.4f}",
                file=sys.stderr,
                flush=True,
            )
    target.parent.mkdir(parents=True, exist_ok=True)
    torch.save(head.state_dict(), target)
    return target
