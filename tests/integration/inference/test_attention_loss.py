"""What is asked of the attention in the diarizer's head, on NeMo's own layers."""

from math import log

import pytest
import torch

from deploy.checkpoints import sortformer
from deploy.checkpoints.attention import LAYERS, Attention

FRAMES = 6
A, B, BOTH, SILENCE = [1.0, 0, 0, 0], [0, 1.0, 0, 0], [1.0, 1.0, 0, 0], [0, 0, 0, 0.0]


def looked(query_scale: float, active: list[list[float]]) -> torch.Tensor:
    """The loss with all queries scaled by ``query_scale``; it must have a gradient."""
    model = sortformer.build().train()
    attention = Attention(model)
    for index in LAYERS:
        block = model.transformer_encoder.layers[index].first_sub_layer
        block.query_net.weight.data *= query_scale
        block.query_net.bias.data *= query_scale
    states = torch.randn(1, FRAMES, sortformer.ENCODER_WIDTH)
    sortformer.head(model, states, torch.tensor([FRAMES]))
    loss = attention.loss(torch.tensor([active]))
    loss.backward()  # type: ignore[no-untyped-call]
    gradient = model.transformer_encoder.layers[LAYERS[0]].first_sub_layer.query_net.weight.grad
    assert gradient is not None
    assert torch.isfinite(gradient).all()
    return loss.detach()


@pytest.mark.parametrize(
    ("active", "expected"),
    [
        # evenly spread attention gives a frame's own voice its share of the frames; frames of two
        # voices are looked at by both, and look at nothing that counts, nor does silence
        ([A, A, A, B, B, B], log(2)),
        ([A, A, B, SILENCE, SILENCE, SILENCE], (2 * log(3) + log(6)) / 3),
        ([A, A, B, BOTH, BOTH, SILENCE], (2 * log(6 / 4) + log(6 / 3)) / 3),
    ],
)
def test_evenly_spread_attention_loses_the_share_of_others(
    active: list[list[float]], expected: float
) -> None:
    """Queries of zero spread evenly."""
    assert float(looked(0.0, active)) == pytest.approx(expected, abs=1e-5)


def test_silence_alone_loses_nothing() -> None:
    """No frame of one voice, nothing to ask."""
    assert float(looked(1.0, [SILENCE] * FRAMES)) == 0.0
