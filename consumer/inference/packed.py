"""Linear layers whose weights lie in memory as oneDNN's products in bf16 take them, on a CPU.

Given a plain weight, oneDNN lays it out anew at every call: 3 to 20 % of the product's time. Laid
out once it is done by the operators that torch's own compiler emits for frozen weights. They begin
with an underscore; where this torch has none of them, plain layers stay.
"""

from typing import Any

import torch
from torch import Tensor, nn

from consumer.inference.replacing import replace_modules

_ROWS = 768  # that the layout is chosen for; others are computed with it as well


def can_pack() -> bool:
    """Whether this torch has the operators, and this processor what they need."""
    its = torch.ops.mkldnn
    return hasattr(its, "_linear_pointwise") and bool(its._is_mkldnn_bf16_supported())


class PackedLinear(nn.Module):
    """What `linear` computes in bf16; `then` ("none", "relu", "swish") comes before rounding."""

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
    replace_modules(model, _packed)


def _packed(layer: Any) -> nn.Module | None:
    name = type(layer).__name__
    if type(layer) is nn.Linear:
        return PackedLinear(layer)
    if type(layer) is nn.Sequential and [*map(type, layer)] == [nn.Linear, nn.ReLU]:
        linear: Any = layer[0]
        return PackedLinear(linear, "relu")
    if name == "ConformerFeedForward" and isinstance(layer.activation, nn.SiLU):
        return nn.Sequential(PackedLinear(layer.linear1, "swish"), PackedLinear(layer.linear2))
    if name == "SqueezeExcite":  # computes in fp32, and looks at its layers' weights for that
        kept: nn.Module = layer
        return kept
    return None
