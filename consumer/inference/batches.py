"""How many items go over the device at once, and what happens when they do not fit."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from consumer.inference.results import Waveform

T = TypeVar("T")
R = TypeVar("R")


def plan(lengths: Sequence[int], limit: float, *, padded: bool) -> list[list[int]]:
    """Positions of items grouped so that each group, padded, has at most `limit` in total.

    Items of similar length go together, longest first; one longer than the limit goes alone.
    Unless `padded`, only items of equal length do.
    """
    groups: list[list[int]] = []
    for position in sorted(range(len(lengths)), key=lambda p: -lengths[p]):
        longest = lengths[groups[-1][0]] if groups else 0
        fits = groups and longest * (len(groups[-1]) + 1) <= limit
        if fits and (padded or lengths[position] == longest):
            groups[-1].append(position)
        else:
            groups.append([position])
    return groups


def split_when_full(
    run: Callable[[Sequence[T]], Sequence[R]], items: Sequence[T]
) -> list[R | None]:
    """`run(items)`, in halves again and again when memory runs out; None for what fits not even
    alone."""
    try:
        return list(run(items))
    except (RuntimeError, MemoryError) as error:
        if not _out_of_memory(error):
            raise
    # Outside the handler, whose traceback would hold on to the tensors.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if len(items) == 1:
        return [None]
    middle = len(items) // 2
    return split_when_full(run, items[:middle]) + split_when_full(run, items[middle:])


def _out_of_memory(error: Exception) -> bool:
    """True for torch's CUDA error and for what its CPU allocator says in a plain RuntimeError."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return "DefaultCPUAllocator" in str(error)


def stack(waveforms: Sequence[Waveform], device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Waveforms as one float32 tensor (rows, longest), zeros after each, and their lengths.

    On a GPU both are copied from pinned memory while the caller goes on: nothing waits here.
    """
    rows = [torch.as_tensor(waveform, dtype=torch.float32) for waveform in waveforms]
    signal = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    lengths = torch.tensor([len(row) for row in rows])
    if device == "cpu":
        return signal, lengths
    return (
        signal.pin_memory().to(device, non_blocking=True),
        lengths.pin_memory().to(device, non_blocking=True),
    )
