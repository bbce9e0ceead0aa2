"""What is hidden from the encoder: bands, and in half of the conversations moments."""

import numpy as np
import torch

from deploy.checkpoints import train_diarizer
from deploy.checkpoints.batches import Batch


def test_moments_are_hidden_from_half_of_the_conversations() -> None:
    nothing = torch.zeros(0)
    features = torch.ones(200, 80, 900)
    batch = Batch(features, nothing, nothing, nothing, nothing, nothing)
    hidden = train_diarizer._masked(batch, np.random.default_rng(0)).features == 0
    moments = hidden.all(1)  # (conversations, frames): no band is left
    some = moments.any(1)
    assert 0.35 < some.float().mean() < 0.65
    assert 0.01 < moments[some].float().mean() < 0.15
    assert (hidden & ~moments[:, None]).any()  # bands
    assert (features == 1).all()
