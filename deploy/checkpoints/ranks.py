"""Several processes that train one model, each on batches of its own, by the mean of all gradients:
on a CPU two processes of one thread do nearly twice the work of one.

They are forked, so that all of them read one copy of the speech in memory.
"""

import os
import tempfile
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed
from torch.multiprocessing.spawn import start_processes

PATIENCE = timedelta(hours=12)  # the others wait while the first teaches the head


def together(count: int, work: Callable[[], object]) -> None:
    """Do ``work`` in ``count`` processes; raises where one of them raises.

    One process is this one.
    """
    if count == 1:
        work()
        return
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    with tempfile.TemporaryDirectory() as folder:
        meeting = (Path(folder) / "meeting").as_uri()
        start_processes(  # type: ignore[no-untyped-call]
            _begin, (count, meeting, work), count, start_method="fork"
        )


def _begin(rank: int, count: int, meeting: str, work: Callable[[], object]) -> None:
    distributed.init_process_group(
        "gloo", init_method=meeting, rank=rank, world_size=count, timeout=PATIENCE
    )
    work()
    distributed.barrier()
    distributed.destroy_process_group()


def number() -> int:
    """Which of the processes this is, from 0; the first keeps the state and the curve."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def many() -> int:
    """How many processes train."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def average(weights: Iterable[torch.nn.Parameter]) -> None:
    """Replace each gradient by its mean over the processes.

    All of them must have gradients for the same weights.
    """
    if not distributed.is_initialized():
        return
    gradients = [each.grad for each in weights if each.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= many()
    sizes = [gradient.numel() for gradient in gradients]
    for gradient, mean in zip(gradients, torch.split(flat, sizes), strict=True):
        gradient.copy_(mean.view_as(gradient))


def share(module: torch.nn.Module) -> None:
    """Give every process the first one's weights."""
    if distributed.is_initialized():
        for weights in module.state_dict().values():
            distributed.broadcast(weights, 0)
