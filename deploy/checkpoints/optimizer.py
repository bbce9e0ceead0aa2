"""Muon for the matrices, AdamW for everything else.

Muon makes every update of a matrix orthogonal (Jordan et al., "Muon: An optimizer for hidden layers
in neural networks", 2024), scaled to be as large as AdamW's (Liu et al., "Muon is Scalable for LLM
Training", 2025), so that both share one learning rate.
"""

from typing import Any

import torch

NARROWEST = 96  # what has fewer rows or columns is a set of vectors rather than a matrix


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
