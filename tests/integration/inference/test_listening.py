"""What the diarizer's encoder is asked to hear."""

from dataclasses import replace

import pytest
import torch

from deploy.checkpoints import sortformer
from deploy.checkpoints.batches import OTHERS, Batch
from deploy.checkpoints.listening import Listening
from deploy.checkpoints.sortformer import ENCODER_WIDTH, HOPS
from deploy.checkpoints.tracks import DEEP

FRAMES = 30


def test_who_hears_as_the_teacher_does_has_nothing_to_learn() -> None:
    torch.manual_seed(0)
    states = torch.randn(1, FRAMES, ENCODER_WIDTH)
    active = torch.zeros(1, FRAMES, 4)
    active[0, :20, 1] = 1
    batch = Batch(
        torch.zeros(0), torch.zeros(0), active, states, torch.zeros(1, FRAMES, DEEP),
        torch.nn.functional.normalize(torch.randn(OTHERS, ENCODER_WIDTH), dim=1),
    )  # fmt: skip
    listening = Listening(sortformer.build())
    torch.nn.init.zeros_(listening.deep.weight)
    torch.nn.init.zeros_(listening.deep.bias)
    listening.train()
    features = torch.randn(1, 80, HOPS * FRAMES)
    listening.model.encoder(audio_signal=features, length=torch.tensor([HOPS * FRAMES]))
    found = {
        name: float(loss.detach()) for name, loss in listening.losses(3 * states, batch).items()
    }
    assert found == dict.fromkeys(("voices", "relations", "deep"), pytest.approx(0, abs=1e-5))
    listening.model.encoder(audio_signal=features, length=torch.tensor([HOPS * FRAMES]))
    pooled = replace(batch, deep=torch.full((1, FRAMES, DEEP), 2.0))
    worse = listening.losses(states.roll(7, 1), pooled)
    assert all(float(worse[name].detach()) > 0.05 for name in ("voices", "relations"))
    assert float(worse["deep"].detach()) == pytest.approx(4)
