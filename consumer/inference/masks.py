"""Which frames of a batch are a row's own, and when that need not be asked."""

import torch
from torch import Tensor


def unpadded(lengths: Tensor, longest: int) -> bool:
    """Whether every row fills its tensor. Asked on a CPU only: a GPU would be waited for."""
    return lengths.device.type == "cpu" and bool((lengths >= longest).all())


def inside(lengths: Tensor, longest: int) -> Tensor:
    """(rows, longest), True up to each row's length."""
    return torch.arange(longest, device=lengths.device) < lengths[:, None]
