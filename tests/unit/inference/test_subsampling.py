"""Convolutions in pieces, as a CPU makes them: what they make as a whole, at every length."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from consumer.inference import subsampling
from consumer.inference.subsampling import Subsampling

CHANNELS, FEATURES = 3, 16


def plain() -> list[nn.Module]:
    """NeMo's `striding`, eight feature frames a frame."""
    return [
        layer
        for before in (1, CHANNELS, CHANNELS)
        for layer in (nn.Conv2d(before, CHANNELS, 3, 2, 1), nn.ReLU())
    ]


def depthwise() -> list[nn.Module]:
    """NeMo's `dw_striding`."""
    later = [
        nn.Conv2d(CHANNELS, CHANNELS, 3, 2, 1, groups=CHANNELS),
        nn.Conv2d(CHANNELS, CHANNELS, 1),
        nn.ReLU(),
    ]
    return [nn.Conv2d(1, CHANNELS, 3, 2, 1), nn.ReLU(), *later]


@pytest.mark.parametrize("layers", [plain, depthwise])
@given(frames=st.integers(1, 90), at_once=st.integers(1, 5), rows=st.integers(1, 2))
def test_pieces_are_what_the_whole_is(
    layers: Callable[[], list[nn.Module]], frames: int, at_once: int, rows: int
) -> None:
    torch.manual_seed(frames)
    its = nn.Sequential(*layers())
    x = torch.randn(rows, frames, FEATURES)
    with pytest.MonkeyPatch.context() as patch, torch.inference_mode():
        expected = its(x[:, None])
        patch.setattr(subsampling, "_AT_ONCE_ON_CPU", at_once)
        found, lengths = Subsampling(its)(x, torch.full((rows,), frames))
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, atol=1e-5)
    assert lengths.tolist() == [expected.shape[2]] * rows
