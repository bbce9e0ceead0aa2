"""Packed linear layers against the plain ones they replace."""

import pytest
import torch
from torch import nn
from torch.nn.functional import linear, silu

from consumer.inference.packed import PackedLinear, can_pack, pack

pytestmark = pytest.mark.skipif(not can_pack(), reason="this torch has no such operators")


@pytest.mark.parametrize(
    ("shape", "width", "bias"),
    [((3, 5, 7), 11, True), ((1, 800, 512), 2048, True), ((2, 6), 4, False)],
)
@torch.inference_mode()
def test_the_same_but_for_rounding(shape: tuple[int, ...], width: int, bias: bool) -> None:
    torch.manual_seed(0)
    plain = nn.Linear(shape[-1], width, bias=bias)
    x = torch.randn(shape)
    low = plain.bias.bfloat16().float() if bias else None
    exact = linear(x.bfloat16().float(), plain.weight.bfloat16().float(), low)
    found = PackedLinear(plain)(x)
    assert found.dtype == torch.bfloat16
    assert torch.allclose(found.float(), exact, rtol=1 / 128, atol=1e-3)
    activated = PackedLinear(plain, "swish")(x).float()
    assert torch.allclose(activated, silu(exact), rtol=1 / 64, atol=1e-3)
    rectified = PackedLinear(plain, "relu")(x).float()
    assert torch.allclose(rectified, exact.relu(), rtol=1 / 128, atol=1e-3)


class ConformerFeedForward(nn.Module):
    """With NeMo's names."""

    def __init__(self) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(4, 8), nn.Linear(8, 4)
        self.activation: nn.Module = nn.SiLU()


class SqueezeExcite(nn.Module):
    """With NeMo's names."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 4))


@torch.inference_mode()
def test_what_is_packed_and_what_is_left() -> None:
    forward, excite = ConformerFeedForward(), SqueezeExcite()
    rectified = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    model = nn.ModuleList([forward, excite, nn.Linear(4, 4), rectified, nn.Sequential()])
    x = torch.randn(3, 4)
    expected, positive = forward.linear2(silu(forward.linear1(x))), rectified(x)
    pack(model)
    assert isinstance(model[2], PackedLinear)
    assert type(excite.fc[0]) is nn.Linear
    first, second = model[0].children()
    assert isinstance(first, PackedLinear)
    assert isinstance(second, PackedLinear)
    assert torch.allclose(model[0](x).float(), expected, atol=0.03)
    assert isinstance(model[3], PackedLinear)
    assert torch.allclose(model[3](x).float(), positive, atol=0.03)
