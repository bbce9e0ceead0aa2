"""The restored models' own layers in a form that costs less: same functions, same weights.

For inference only: nothing here can be trained any more.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn


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


class AttentivePooling(nn.Module):
    """NeMo's `AttentivePoolLayer` (Desplanques et al., "ECAPA-TDNN", Interspeech 2020).

    That one repeats mean and deviation of the whole window at every frame and convolves all three
    with a kernel of one frame. Convolution is linear: the two that do not change in time are
    convolved once a window here, and nothing three times as wide is ever made.
    """

    @staticmethod
    def replaces(pooling: Any) -> bool:
        """Whether `pooling` is NeMo's, with kernels of one frame."""
        layers = getattr(pooling, "attention_layer", None)
        return layers is not None and layers[0].conv_layer.kernel_size == (1,)

    def __init__(self, original: Any) -> None:
        """Takes over the weights of `original`, for which `replaces` is True."""
        super().__init__()
        tdnn, self._tanh, self._scores = original.attention_layer
        weight = tdnn.conv_layer.weight
        self._channels = weight.shape[1] // 3
        self._frame = nn.Conv1d(self._channels, weight.shape[0], 1, bias=False)
        self._frame.weight = nn.Parameter(weight[:, : self._channels].clone())
        self._window = nn.Linear(2 * self._channels, weight.shape[0])
        self._window.weight = nn.Parameter(weight[:, self._channels :, 0].clone())
        self._window.bias = tdnn.conv_layer.bias
        self._after = nn.Sequential(tdnn.activation, tdnn.bn)

    def forward(self, x: Tensor, length: Tensor) -> Tensor:
        """`x` (windows, channels, frames), `length` in frames -> (windows, 2 x channels, 1)."""
        x = x.float()
        inside = torch.arange(x.shape[2], device=x.device) < length[:, None]
        uniform = (inside / length[:, None])[:, None]
        hidden = self._frame(x) + self._window(_moments(x, uniform))[:, :, None]
        scores = self._scores(self._tanh(self._after(hidden))).float()
        attention = scores.masked_fill_(~inside[:, None], -torch.inf).softmax(dim=2)
        return _moments(x, attention)[:, :, None]


def _moments(x: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean and standard deviation over frames: (windows, 2 x channels)."""
    mean = (weights * x).sum(dim=2, keepdim=True)
    variance = (weights * (x - mean).square_()).sum(dim=2)
    return torch.cat((mean[:, :, 0], variance.clamp_(1e-10).sqrt_()), dim=1)
