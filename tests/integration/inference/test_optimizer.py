"""The diarizer's optimizer: which weights get which update, and that it is resumed exactly."""

import copy

import pytest
import torch
from torch.optim import _muon

from deploy.checkpoints.optimizer import Optimizer, orthogonalized

RATE = 1e-3


def _step(module: torch.nn.Module, optimizer: Optimizer, seed: int) -> None:
    torch.manual_seed(seed)
    optimizer.zero_grad()
    module(torch.randn(300, 128)).square().sum().backward()
    optimizer.step()


@pytest.mark.parametrize("shape", [(96, 128), (128, 96)])
def test_what_is_orthogonal_keeps_its_directions(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    coefficients = (_muon.DEFAULT_A, _muon.DEFAULT_B, _muon.DEFAULT_C)
    found = orthogonalized(matrix, coefficients, _muon.DEFAULT_NS_STEPS, _muon.EPS)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    inside = left.T @ found @ right.T
    sizes = inside.diagonal()
    assert (inside - torch.diag(sizes)).abs().max() < 1e-3
    assert sizes.min() > 0.6
    assert sizes.max() < 1.3


def test_matrices_turn_and_vectors_move() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(128, 96)
    before = copy.deepcopy(layer)
    _step(layer, Optimizer(layer, RATE), 1)
    moved = (layer.weight - before.weight * (1 - RATE * 1e-2)).detach()
    sizes = torch.linalg.svdvals(moved)
    gradient = torch.linalg.svdvals(torch.randn(96, 128))  # what is not made orthogonal
    assert sizes.max() / sizes.min() < 2.5 < gradient.max() / gradient.min()
    torch.testing.assert_close(
        moved.square().mean().sqrt(), torch.tensor(0.2 * RATE), rtol=0.2, atol=0
    )
    biases = (layer.bias - before.bias * (1 - RATE * 1e-3)).abs().detach()
    torch.testing.assert_close(biases, torch.full_like(biases, RATE), rtol=1e-2, atol=0)


def test_a_resumed_run_goes_on_as_if_never_stopped() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(128, 96)
    optimizer = Optimizer(layer, RATE)
    _step(layer, optimizer, 1)
    other = copy.deepcopy(layer)
    resumed = Optimizer(other, 1.0)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    _step(layer, optimizer, 2)
    _step(other, resumed, 2)
    assert torch.equal(layer.weight, other.weight)
    assert torch.equal(layer.bias, other.bias)
    resumed.at(0.0)
    _step(other, resumed, 3)
    assert torch.equal(layer.weight, other.weight), "a rate of nothing changes nothing"
