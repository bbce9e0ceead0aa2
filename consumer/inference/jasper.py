"""The encoder of NeMo's TitaNet with channels last: the same function, the same weights.

Source: Koluguri et al., "TitaNet", ICASSP 2022; Li et al., "Jasper", Interspeech 2019. For
inference only.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.utils import fuse_conv_bn_eval

from consumer.inference.channels_last import Depthwise, pointwise
from consumer.inference.masks import inside, unpadded


class Jasper(nn.Module):
    """NeMo's `ConvASREncoder`, of blocks as TitaNet has them."""

    @staticmethod
    def replaces(original: Any) -> bool:
        """Whether every block of `original` is one that `Block` can take over."""
        return type(original).__name__ == "ConvASREncoder" and all(
            Block.replaces(block) for block in original.encoder
        )

    def __init__(self, original: Any) -> None:
        """Takes over the weights of `original`, for which `replaces` is True."""
        super().__init__()
        self._blocks = nn.ModuleList(Block(block) for block in original.encoder)

    def forward(self, audio_signal: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """Features (rows, features, frames) -> (rows, channels, frames), and their lengths."""
        x = audio_signal.transpose(1, 2).contiguous()
        for block in self._blocks:
            x, length = block(x, length)
        return x.transpose(1, 2), length


class Block(nn.Module):
    """A `JasperBlock`: separable convolutions, squeeze-and-excitation, a residual or none."""

    @staticmethod
    def replaces(original: Any) -> bool:
        """Whether `original` has what TitaNet's blocks have, and nothing else."""
        *layers, excitation = original.mconv
        kinds = [type(layer).__name__ for layer in layers]
        separable = ["MaskedConv1d", "MaskedConv1d", "BatchNorm1d"]
        repeated = [*separable, "ReLU", "Dropout"]
        repeats = len(kinds) // len(repeated)
        convolutions = [layer.conv for layer in layers if hasattr(layer, "conv")]
        residuals = [] if original.res is None else list(original.res)
        return (
            kinds == repeated * repeats + separable
            and type(excitation).__name__ == "SqueezeExcite"
            and excitation.context_window < 0
            and all(conv.dilation == (1,) for conv in convolutions)
            and all(conv.stride == (1,) for conv in convolutions[1:])
            and all(layer.heads == -1 for layer in layers if hasattr(layer, "heads"))
            and all(2 * conv.padding[0] == conv.kernel_size[0] - 1 for conv in convolutions)
            and all(conv.groups == conv.in_channels for conv in convolutions[::2])
            and all(conv.kernel_size == (1,) and conv.groups == 1 for conv in convolutions[1::2])
            and [type(layer).__name__ for layer in original.mout] == ["ReLU", "Dropout"]
            and len(residuals) <= 1
            and all(
                [type(layer).__name__ for layer in way] == ["MaskedConv1d", "BatchNorm1d"]
                for way in residuals
            )
            and (not residuals or convolutions[0].stride == (1,))
            and original.residual_mode == "add"
        )

    def __init__(self, original: Any) -> None:
        """Takes over the weights of `original`, for which `replaces` is True."""
        super().__init__()
        layers = list(original.mconv)
        places = [n for n, layer in enumerate(layers) if isinstance(layer, nn.BatchNorm1d)]
        self._separable = nn.ModuleList(
            Separable(layers[n - 2].conv, layers[n - 1].conv, layers[n], relu=n != places[-1])
            for n in places
        )
        # In fp32 as NeMo's, whatever becomes of the layers.
        self._squeeze, self._excite = (layers[-1].fc[n].weight.float() for n in (0, 2))
        ways = [] if original.res is None else list(original.res)
        self._residual = pointwise(fuse_conv_bn_eval(ways[0][0].conv, ways[0][1])) if ways else None

    def forward(self, x: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """(rows, frames, channels) and the rows' lengths -> the same."""
        out = x
        for layer in self._separable:
            out, length = layer(out, length)
        gate = self._gate(_masked(out, length), length)
        if self._residual is None:
            return out.mul_(gate).relu_(), length
        return torch.addcmul(self._residual(x), out, gate).relu_(), length

    def _gate(self, x: Tensor, length: Tensor) -> Tensor:
        """What every channel is multiplied with (rows, 1, channels), of its mean over frames."""
        with torch.autocast(x.device.type, enabled=False):
            # Row by row: in fp32 a batch would leave the caches.
            total = torch.stack([row.sum(dim=0, keepdim=True, dtype=torch.float32) for row in x])
            mean = total / length[:, None, None]
            gate = linear(linear(mean, self._squeeze).relu_(), self._excite).sigmoid_()
        return gate.to(x.dtype)


class Separable(nn.Module):
    """A depthwise convolution, a pointwise one, and the normalisation after it, folded in."""

    def __init__(
        self, across: nn.Conv1d, mix: nn.Conv1d, norm: nn.BatchNorm1d, *, relu: bool
    ) -> None:
        super().__init__()
        self._across = Depthwise(across, int(across.padding[0]))
        mixed = pointwise(fuse_conv_bn_eval(mix, norm))
        self._mix = nn.Sequential(mixed, nn.ReLU(inplace=True)) if relu else mixed

    def forward(self, x: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """(rows, frames, channels) and the rows' lengths -> the same."""
        return self._mix(self._across(_masked(x, length))), self._across.frames(length)


def _masked(x: Tensor, length: Tensor) -> Tensor:
    """`x` (rows, frames, channels) with zeros beyond each row's length."""
    if unpadded(length, x.shape[1]):
        return x
    return x * inside(length, x.shape[1])[:, :, None]
