"""Muon for the matrices, AdamW for everything else.

Muon makes every update of a matrix orthogonal (Jordan et al., "Muon: An optimizer for hidden layers
in neural networks", 2024), scaled to be as large as AdamW's (Liu et al., "Muon is Scalable for LLM
Training", 2025), so that both share one learning rate.
"""

from typing import Any

import torch
from torch.optim import _muon

from consumer.inference.precision import native_bf16

NARROWEST = 96  # what has fewer rows or columns is a set of vectors rather than a matrix


def orthogonalized(
    grad: torch.Tensor, ns_coefficients: tuple[float, float, float], ns_steps: int, eps: float
) -> torch.Tensor:
    """A matrix (rows, columns) with singular values near 1, in fp32: torch's own iteration (Newton
    and Schulz), which takes these parameters.
    """
    first, second, third = ns_coefficients
    tall = grad.shape[0] > grad.shape[1]
    turned = grad.float().T if tall else grad.float()
    turned = turned / turned.norm().clamp(min=eps)
    for _ in range(ns_steps):
        square = turned @ turned.T
        change = torch.addmm(square, square, square, beta=second, alpha=third)
        turned = torch.addmm(turned, change, turned, beta=first)
    return turned.T if tall else turned


# torch does that in bf16 and has no option for it; where that is emulated, a step takes 6.7 s of
# processor for the diarizer's matrices instead of 0.3
if not native_bf16("cpu"):
    _muon._zeropower_via_newtonschulz = orthogonalized


class Optimizer:
    """Two of torch's optimizers that act as one."""

    def __init__(self, module: torch.nn.Module, rate: float) -> None:
        matrices, rest = list[torch.nn.Parameter](), list[torch.nn.Parameter]()
        for weights in module.parameters():
            matrix = weights.ndim == 2 and min(weights.shape) >= NARROWEST
            (matrices if matrix else rest).append(weights)
        self._both: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.Muon(matrices, lr=rate, weight_decay=1e-2, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98), weight_decay=1e-3),
        )

    def at(self, rate: float) -> None:
        """Set the learning rate."""
        for each in self._both:
            for group in each.param_groups:
                group["lr"] = rate

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for each in self._both:
            each.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Change the weights."""
        for each in self._both:
            each.step()

    def state_dict(self) -> dict[str, Any]:
        """Of both."""
        return {str(index): each.state_dict() for index, each in enumerate(self._both)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Of both."""
        for index, each in enumerate(self._both):
            each.load_state_dict(state[str(index)])
