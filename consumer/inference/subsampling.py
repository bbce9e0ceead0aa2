"""The convolutions before Sortformer's encoder, and masks only where there is padding."""

from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from consumer.inference.masks import inside, unpadded

# Frames of the output that a CPU makes at once: what lies between the layers, 200 kB a frame at the
# published size and 40 in the compact one, stays in its caches.
_AT_ONCE_ON_CPU = 64

_Count = TypeVar("_Count", int, Tensor)


class Subsampling(nn.Sequential):
    """NeMo's `MaskedConvSequential`: (rows, frames, features) -> (rows, channels, ...).

    That one multiplies by a mask before every layer. Only a convolution that looks at neighbours
    in time needs it, and no row that has no padding. Channels lie last in memory: a convolution
    over one channel, or one of each channel alone, is several times quicker so.
    """

    @staticmethod
    def replaces(layers: Any) -> bool:
        """Whether these are NeMo's, none of them causal."""
        return type(layers).__name__ == "MaskedConvSequential" and all(
            type(layer) in (nn.Conv2d, nn.ReLU) for layer in layers
        )

    def __init__(self, original: Any) -> None:
        """Takes over the layers of `original`, for which `replaces` is True."""
        super().__init__(*(layer.to(memory_format=torch.channels_last) for layer in original))

    def forward(  # type: ignore[override]
        self, x: Tensor, lengths: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See NeMo's; also the rows' lengths in frames of the output."""
        x = x[:, None]
        full = unpadded(lengths, x.shape[2])
        if full and x.device.type == "cpu":
            counts = [x.shape[2]]
            for convolution in self._convolutions():
                lengths = _shorter(convolution, lengths)
                counts.append(_shorter(convolution, counts[-1]))
            ends = range(_AT_ONCE_ON_CPU, counts[-1] + _AT_ONCE_ON_CPU, _AT_ONCE_ON_CPU)
            pieces = [
                self._piece(x, end - _AT_ONCE_ON_CPU, min(end, counts[-1]), counts) for end in ends
            ]
            return torch.cat(pieces, dim=2), lengths
        x = x.contiguous(memory_format=torch.channels_last)
        for layer in self:
            if not isinstance(layer, nn.Conv2d):
                x = layer(x)
                continue
            x = layer(x if full or layer.kernel_size[0] == 1 else _masked(x, lengths))
            lengths = _shorter(layer, lengths)
        return (x if full else _masked(x, lengths)), lengths

    def _convolutions(self) -> list[nn.Conv2d]:
        return [layer for layer in self if isinstance(layer, nn.Conv2d)]

    def _piece(self, x: Tensor, first: int, last: int, counts: list[int]) -> Tensor:
        """Frames `first` up to `last` of the output; `counts` are those of `x` and of what every
        convolution makes of it.
        """
        outside = []  # zeros before and after what each convolution is given, the last one's first
        for its, count in zip(self._convolutions()[::-1], counts[-2::-1], strict=True):
            kernel, stride, padding = its.kernel_size[0], its.stride[0], int(its.padding[0])
            first, last = first * stride - padding, (last - 1) * stride - padding + kernel
            outside.append((max(0, -first), max(0, last - count)))
            first, last = max(0, first), min(last, count)
        x = x[:, :, first:last].contiguous(memory_format=torch.channels_last)
        for layer in self:
            if not isinstance(layer, nn.Conv2d):
                x = layer(x)
                continue
            if any(zeros := outside.pop()):
                x = pad(x, (0, 0, *zeros))
            x = conv2d(
                x, layer.weight, layer.bias, layer.stride, (0, int(layer.padding[1])),
                layer.dilation, layer.groups,
            )  # fmt: skip
        return x


def _shorter(layer: nn.Conv2d, frames: _Count) -> _Count:
    """Frames of what a convolution makes of so many."""
    return (frames + 2 * int(layer.padding[0]) - layer.kernel_size[0]) // layer.stride[0] + 1


def _masked(x: Tensor, lengths: Tensor) -> Tensor:
    return x * inside(lengths, x.shape[2])[:, None, :, None].to(x.dtype)


def skip_full_masks(encoder: Any) -> None:
    """Let NeMo's `ConformerEncoder` do without masks when nothing is to be masked."""
    create = encoder._create_masks

    def masks(**given: Any) -> tuple[Tensor | None, Tensor | None]:
        boundless = all(side < 0 for side in given["att_context_size"]) and given["offset"] is None
        if boundless and unpadded(given["padding_length"], given["max_audio_length"]):
            return None, None
        pads, attention = create(**given)
        return pads, attention

    encoder._create_masks = masks
