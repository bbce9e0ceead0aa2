"""What is asked of the lower layers of the diarizer's head, on NeMo's own layers."""

from math import log

import pytest
import torch

from deploy.checkpoints import sortformer
from deploy.checkpoints.intermediate import FIRST, Intermediate

FRAMES = 5


@pytest.mark.parametrize(
    ("said", "active", "expected"),
    [
        (0.0, 1.0, log(2)),
        (0.0, 0.0, log(2)),
        (10.0, 1.0, 0.0),
        (10.0, 0.0, 10.0),
    ],
)
def test_every_layer_but_the_first_and_the_last_is_asked(
    said: float, active: float, expected: float
) -> None:
    """Read by a last layer that says the same of every frame; the layers asked are taught."""
    model = sortformer.build().train()
    intermediate = Intermediate(model)
    last = model.sortformer_modules.single_hidden_to_spks
    last.weight.data.zero_()
    last.bias.data.fill_(said)
    states = torch.randn(1, FRAMES, sortformer.ENCODER_WIDTH)
    sortformer.head(model, states, torch.tensor([FRAMES]))
    loss = intermediate.loss(torch.full((1, FRAMES, sortformer.SPEAKERS), active))
    assert loss.item() == pytest.approx(expected, abs=1e-3)
    last.weight.data.normal_()
    sortformer.head(model, states, torch.tensor([FRAMES]))
    intermediate.loss(torch.ones(1, FRAMES, sortformer.SPEAKERS)).backward()  # type: ignore[no-untyped-call]
    layers = model.transformer_encoder.layers
    asked = layers[FIRST].second_sub_layer.dense_in.weight.grad
    assert asked is not None
    assert float(asked.abs().sum()) > 0
    assert layers[-1].second_sub_layer.dense_in.weight.grad is None


def test_what_was_said_before_is_forgotten() -> None:
    """The loss is of the forward pass just made, and evaluation is not listened to."""
    model = sortformer.build().train()
    intermediate = Intermediate(model)
    ordered = torch.ones(1, FRAMES, sortformer.SPEAKERS)
    states = torch.randn(1, FRAMES, sortformer.ENCODER_WIDTH)
    with torch.no_grad():
        sortformer.head(model.eval(), 9 * states[:, :3], torch.tensor([3]))
        sortformer.head(model.train(), states, torch.tensor([FRAMES]))
        once = intermediate.loss(ordered)
        sortformer.head(model, states, torch.tensor([FRAMES]))
        assert intermediate.loss(ordered).item() == pytest.approx(once.item())
