"""The restored models' own layers in a form that costs less: same functions, same weights.

For inference only: nothing here can be trained any more.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from consumer.inference.packed import can_pack, pack


def fold_batch_norms(model: nn.Module) -> None:
    """Multiply every batch normalisation into the convolution before it.

    In evaluation the normalisation is a constant scale and shift per channel. Only where the two
    follow each other in a list of layers, as in NeMo's `JasperBlock`.
    """
    for layers in [m for m in model.modules() if isinstance(m, (nn.ModuleList, nn.Sequential))]:
        for before, layer, position in _neighbours(layers):
            conv = getattr(before, "conv", None)  # NeMo's MaskedConv1d holds one
            if isinstance(conv, nn.Conv1d) and isinstance(layer, nn.BatchNorm1d):
                before.conv = nn.utils.fuse_conv_bn_eval(conv, layer)
                layers[position] = nn.Identity()


def _neighbours(layers: Any) -> Iterator[tuple[Any, Any, int]]:
    for position in range(1, len(layers)):
        yield layers[position - 1], layers[position], position


def keep_in_bf16(model: nn.Module) -> None:
    """Store what autocast would convert at every call: weights of linear and convolution layers."""
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d)):
            module.to(torch.bfloat16)
    if next(model.parameters()).device.type == "cpu" and can_pack():
        pack(model)
