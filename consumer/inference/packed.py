"""Linear layers whose weights lie in memory as oneDNN's products in bf16 take them, on a CPU.

Given a plain weight, oneDNN lays it out anew at every call: 3 to 20 % of the product's time. Laid
out once it is done by the operators that torch's own compiler emits for frozen weights. They begin
with an underscore; where this torch has none of them, plain layers stay.
"""

from typing import Any

import torch
from torch import Tensor, nn

_ROWS = 768  # that the layout is chosen for; others are computed with it as well


def can_pack() -> bool:
    """Whether this torch has the operators."""
    there = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return there and hasattr(torch.ops.mkldnn, "_linear_pointwise")


class PackedLinear(nn.Module):
    """What `linear` computes in bf16; `then` ("none" or "swish") is applied before rounding."""

    def __init__(self, linear: nn.Linear, then: str = "none") -> None:
        super().__init__()
        weight = linear.weight.detach().to(torch.bfloat16)
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS)
        self._bias = None if linear.bias is None else linear.bias.detach().to(torch.bfloat16)
        self._then = then

    def forward(self, x: Tensor) -> Tensor:
        """(.., channels) of any type -> (.., channels) in bf16, as autocast has it."""
        found: Tensor = torch.ops.mkldnn._linear_pointwise(
            x.to(torch.bfloat16), self._weight, self._bias, self._then, [], ""
        )
        return found


def pack(model: nn.Module) -> None:
    """Replace every linear layer in `model`, but for those NeMo takes back to fp32."""
    for parent in list(model.modules()):
        if type(parent).__name__ == "ConformerFeedForward":
            _pack_with_activation(parent)
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear and not _taken_back(parent, model):
                setattr(parent, name, PackedLinear(child))


def _pack_with_activation(feed_forward: Any) -> None:
    if isinstance(feed_forward.activation, nn.SiLU):
        feed_forward.linear1 = PackedLinear(feed_forward.linear1, "swish")
        feed_forward.activation = nn.Identity()


def _taken_back(parent: Any, model: nn.Module) -> bool:
    """`SqueezeExcite` computes in fp32, and looks at its layers' weights for that."""
    return any(
        parent is layer.fc for layer in model.modules() if type(layer).__name__ == "SqueezeExcite"
    )
