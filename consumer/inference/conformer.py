"""The convolution of NeMo's Conformer with channels last: the same function, the same weights.

Source: Gulati et al., "Conformer", Interspeech 2020. For inference only.
"""

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import glu, silu
from torch.nn.utils import fuse_conv_bn_eval

from consumer.inference.channels_last import Depthwise, pointwise
from consumer.inference.replacing import replace_modules


def replace_convolutions(model: nn.Module) -> None:
    """Put `Convolution` in the place of every one in `model` that it can take over."""
    replace_modules(
        model, lambda layer: Convolution(layer) if Convolution.replaces(layer) else None
    )


class Convolution(nn.Module):
    """NeMo's `ConformerConvolution` with batch normalisation, which is folded in."""

    @staticmethod
    def replaces(original: Any) -> bool:
        """Whether `original` is one, as long before a frame as after it."""
        return (
            type(original).__name__ == "ConformerConvolution"
            and original.norm_type == "batch_norm"
            and original.pointwise_activation == "glu_"
            and original.depthwise_conv._left_padding == original.depthwise_conv._right_padding
        )

    def __init__(self, original: Any) -> None:
        """Takes over the weights of `original`, for which `replaces` is True."""
        super().__init__()
        across = original.depthwise_conv
        self._before = pointwise(original.pointwise_conv1)
        self._across = Depthwise(
            fuse_conv_bn_eval(across, original.batch_norm), int(across._left_padding)
        )
        self._after = pointwise(original.pointwise_conv2)

    def forward(self, x: Tensor, pad_mask: Tensor | None = None, cache: None = None) -> Tensor:
        """(rows, frames, channels) -> the same; `pad_mask` (rows, frames) is True for padding."""
        assert cache is None, "made for whole chunks"
        x = glu(self._before(x), dim=2)
        if pad_mask is not None:
            x = x.masked_fill(pad_mask[:, :, None], 0.0)
        answer: Tensor = self._after(silu(self._across(x), inplace=True))
        return answer
