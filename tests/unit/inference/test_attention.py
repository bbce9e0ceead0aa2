"""Attention by frames and by distances, against sums written out; in bf16 near the same in fp32."""

import copy
import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from consumer.inference import attention
from consumer.inference.attention import RelativeAttention

HEADS, WIDTH, FRAMES = 2, 4, 6
CHANNELS = HEADS * WIDTH


def original() -> SimpleNamespace:
    """What is taken over from NeMo's layer."""
    torch.manual_seed(0)
    names = ("linear_q", "linear_k", "linear_v", "linear_pos", "linear_out")
    return SimpleNamespace(
        **{name: nn.Linear(CHANNELS, CHANNELS) for name in names},
        h=HEADS,
        d_k=WIDTH,
        pos_bias_u=nn.Parameter(torch.randn(HEADS, WIDTH)),
        pos_bias_v=nn.Parameter(torch.randn(HEADS, WIDTH)),
    )


def written_out(its: SimpleNamespace, x: Tensor, positions: Tensor, length: int) -> Tensor:
    """Frame by frame, head by head, over the first `length` frames."""
    split = (HEADS, WIDTH)
    queries, keys, values = (
        layer(x).unflatten(1, split) for layer in (its.linear_q, its.linear_k, its.linear_v)
    )
    distances = its.linear_pos(positions).unflatten(1, split)
    found = torch.zeros(length, HEADS, WIDTH)
    for head in range(HEADS):
        for i in range(length):
            scores = torch.stack(
                [
                    (queries[i, head] + its.pos_bias_u[head]) @ keys[j, head]
                    + (queries[i, head] + its.pos_bias_v[head])
                    @ distances[FRAMES - 1 - i + j, head]
                    for j in range(length)
                ]
            )
            weights = (scores / math.sqrt(WIDTH)).softmax(0)
            found[i, head] = weights @ values[:length, head]
    answer: Tensor = its.linear_out(found.flatten(1))
    return answer


@pytest.mark.parametrize("length", [FRAMES, FRAMES - 2])
@pytest.mark.parametrize(("at_once", "kept"), [(128, 4000), (4, 4000), (128, 1)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 0.03)])
@torch.inference_mode()
def test_as_written_out(
    length: int,
    at_once: int,
    kept: int,
    dtype: torch.dtype,
    tolerance: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attention, "_AT_ONCE_ON_CPU", at_once)
    monkeypatch.setattr(attention, "_KEPT_DISTANCES", kept)
    its = original()
    x, positions = torch.randn(FRAMES, CHANNELS), torch.randn(2 * FRAMES - 1, CHANNELS)
    expected = written_out(its, x, positions, length)
    inside = torch.arange(FRAMES) < length
    mask = None if length == FRAMES else ~(inside[:, None] & inside)[None]
    layer = RelativeAttention(copy.deepcopy(its)).to(dtype)
    # What is kept from a chunk of another length is not taken for this one's.
    other = x[None, 1:].to(dtype)
    layer(other, other, other, None, positions[None, 1:-1].to(dtype))
    rows = x[None].to(dtype)
    found = layer(rows, rows, rows, mask, positions[None].to(dtype))[0, :length].float()
    assert (found - expected).abs().max() <= tolerance
    assert torch.isfinite(found).all()
    assert (layer._distances is not None) == (kept > 2 * FRAMES)
