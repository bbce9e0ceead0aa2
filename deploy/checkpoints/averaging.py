"""Exponential moving average of a model's weights."""

import torch


class Average:
    """A second model whose weights follow the first slowly; buffers (batch-norm statistics) are
    averaged too.
    """

    def __init__(self, model: torch.nn.Module, twin: torch.nn.Module, decay: float = 0.999) -> None:
        """``twin`` is a model of the same configuration (NeMo's models cannot be deep-copied)."""
        twin.load_state_dict(model.state_dict())
        self.model = twin.eval()
        self._decay = decay
        self._updates = 0

    @torch.no_grad()
    def update(self, model: torch.nn.Module) -> None:
        """Move towards ``model``; faster at first, so that the random start is forgotten."""
        self._updates += 1
        keep = min(self._decay, self._updates / (self._updates + 10))
        for mine, other in zip(
            self.model.state_dict().values(), model.state_dict().values(), strict=True
        ):
            if mine.dtype.is_floating_point:
                mine.lerp_(other.to(mine.dtype), 1 - keep)
            else:
                mine.copy_(other)

    def resume(self, updates: int) -> None:
        """Go on as after ``updates`` updates."""
        self._updates = updates
