"""The pooling of NeMo's TitaNet, in passes over what fits into a cache."""

from typing import Any

import torch
from torch import Tensor, nn

from consumer.inference.channels_last import pointwise
from consumer.inference.masks import inside, unpadded


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
        tdnn, _, scores = original.attention_layer
        weight = tdnn.conv_layer.weight[:, :, 0]
        channels = weight.shape[1] // 3
        self._frame = nn.Linear(channels, len(weight), bias=False)
        self._frame.weight = nn.Parameter(weight[:, :channels].clone())
        self._window = nn.Linear(2 * channels, len(weight))
        self._window.weight = nn.Parameter(weight[:, channels:].clone())
        self._window.bias = tdnn.conv_layer.bias
        self._activation, self._norm = tdnn.activation, tdnn.bn
        self._scores = pointwise(scores)

    def forward(self, x: Tensor, length: Tensor) -> Tensor:
        """`x` (windows, channels, frames), `length` in frames -> (windows, 2 x channels, 1)."""
        x = x.transpose(1, 2)
        # One window after the other on a CPU: a batch would go through memory a dozen times.
        at_once = 1 if x.device.type == "cpu" else len(x)
        parts = zip(torch.split(x, at_once), torch.split(length, at_once), strict=True)
        return torch.cat([self._pooled(*part) for part in parts])[:, :, None]

    def _pooled(self, x: Tensor, length: Tensor) -> Tensor:
        """(windows, frames, channels) -> (windows, 2 x channels)."""
        its = None if unpadded(length, x.shape[1]) else inside(length, x.shape[1])[:, :, None]

        def mean_of(values: Tensor) -> Tensor:
            if its is None:
                return values.mean(dim=1, keepdim=True)
            return (values * (its / length[:, None, None])).sum(dim=1, keepdim=True)

        exact = x.float()
        mean = mean_of(exact)
        apart = exact.sub_(mean) if exact is not x else exact - mean
        deviation = _deviation(mean_of(apart.square())[:, 0])
        window = self._window(torch.cat((mean[:, 0], deviation), dim=1))
        hidden = self._norm(self._activation(self._frame(x) + window[:, None]).transpose(1, 2))
        scores = self._scores(hidden.tanh().transpose(1, 2)).float()
        if its is not None:
            scores = scores.masked_fill_(~its, -torch.inf)
        weights = scores.sub_(scores.amax(dim=1, keepdim=True)).exp_()
        total = weights.sum(dim=1)
        # Moments about the plain mean, which is near enough for nothing to cancel out.
        first = weights.mul_(apart).sum(dim=1) / total
        second = weights.mul_(apart).sum(dim=1) / total
        return torch.cat((mean[:, 0] + first, _deviation(second - first.square())), dim=1)


def _deviation(variance: Tensor) -> Tensor:
    return variance.clamp_(min=1e-10).sqrt_()  # NeMo's least variance
