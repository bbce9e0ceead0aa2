"""The convolutions before Sortformer's encoder, and masks only where there is padding."""

from typing import Any

import torch
from torch import Tensor, nn

from consumer.inference.masks import inside, unpadded


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
        x = x[:, None].contiguous(memory_format=torch.channels_last)
        full = unpadded(lengths, x.shape[2])
        for layer in self:
            if not isinstance(layer, nn.Conv2d):
                x = layer(x)
                continue
            kernel, stride = layer.kernel_size[0], layer.stride[0]
            x = layer(x if full or kernel == 1 else _masked(x, lengths))
            padding = int(layer.padding[0])
            lengths = (lengths + 2 * padding - kernel) // stride + 1
        return (x if full else _masked(x, lengths)), lengths


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
