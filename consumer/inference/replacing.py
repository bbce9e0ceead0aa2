"""Layers of a restored model put in the place of others."""

from collections.abc import Callable

from torch import nn


def replace_modules(model: nn.Module, instead: Callable[[nn.Module], nn.Module | None]) -> None:
    """Put `instead(layer)` in the place of every layer of `model`; None looks inside the layer.

    What was put in, and what `instead` gives back as it is, is not looked into.
    """
    for name, layer in list(model.named_children()):
        made = instead(layer)
        if made is None:
            replace_modules(layer, instead)
        elif made is not layer:
            setattr(model, name, made.eval())
