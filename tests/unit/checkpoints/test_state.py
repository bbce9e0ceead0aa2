"""A training that is continued: where its schedule began."""

from pathlib import Path

import numpy as np
import pytest
import torch

from deploy.checkpoints import state
from deploy.checkpoints.averaging import Average
from deploy.checkpoints.train_schedule import Schedule

PLANNED = Schedule(steps=900, start=400)


@pytest.mark.parametrize(
    ("stopped", "begins"),
    [
        pytest.param(500, 400, id="stopped on the way, the fall still comes where it was planned"),
        pytest.param(900, 900, id="at its end, the next run warms up anew"),
    ],
)
def test_a_schedule_goes_on_where_it_was(tmp_path: Path, stopped: int, begins: int) -> None:
    file, rng = tmp_path / "training.pt", np.random.default_rng(0)
    model, twin = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters())
    average = Average(model, twin)
    state.store(file, model, average, optimizer, rng, stopped, PLANNED)
    assert state.start(file) == begins
    assert state.restore(file, model, average, optimizer, rng) == stopped
