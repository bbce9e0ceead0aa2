"""Convolutions over frames with the channels of a frame side by side in memory, for CPUs.

A pointwise convolution is one matrix product then, and a depthwise one up to twenty times quicker:
a kernel of 15 frames over 1024 channels has no quick form in oneDNN otherwise (0.8 ms for 1,800
frames in bf16, and 18 ms with the frames side by side). What is made here is for inference only.
"""

import torch
from torch import Tensor, nn


class Depthwise(nn.Module):
    """A convolution of each channel with itself: (rows, frames, channels) -> the same."""

    def __init__(self, conv: nn.Conv1d, padding: int) -> None:
        """Takes over the weights of `conv`; `padding` is in frames on either side."""
        super().__init__()
        self._conv = nn.Conv2d(
            conv.in_channels,
            conv.out_channels,
            (1, conv.kernel_size[0]),
            stride=(1, conv.stride[0]),
            padding=(0, padding),
            groups=conv.groups,
            bias=conv.bias is not None,
        )
        weight = conv.weight[:, :, None].contiguous(memory_format=torch.channels_last)
        self._conv.weight = nn.Parameter(weight)
        self._conv.bias = conv.bias

    def forward(self, x: Tensor) -> Tensor:
        """`x` as (rows, channels, 1, frames), channels last, is the same memory."""
        found: Tensor = self._conv(x.transpose(1, 2)[:, :, None])
        return found[:, :, 0].transpose(1, 2)

    def frames(self, length: Tensor) -> Tensor:
        """Frames that come out, of frames that go in."""
        reach = 2 * int(self._conv.padding[1]) - int(self._conv.kernel_size[1])
        return (length + reach) // int(self._conv.stride[1]) + 1


def pointwise(conv: nn.Conv1d) -> nn.Linear:
    """A convolution with a kernel of one frame, as the matrix product that it is."""
    made = nn.Linear(conv.in_channels, conv.out_channels, bias=conv.bias is not None)
    made.weight = nn.Parameter(conv.weight[:, :, 0].contiguous())
    if conv.bias is not None:
        made.bias = nn.Parameter(conv.bias)
    return made
