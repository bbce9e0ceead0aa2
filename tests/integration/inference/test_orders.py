"""The order in which speakers stand among the outputs, in training and in measuring."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from deploy.checkpoints import losses
from deploy.checkpoints.sortformer import SPEAKERS

FRAMES = 7


def cost(logits: torch.Tensor, targets: torch.Tensor) -> float:
    """Cross entropy of one conversation, summed."""
    return functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum").item()


@pytest.mark.parametrize("leading", [False, True])
@given(seed=st.integers(0, 2**32 - 1), speakers=st.integers(1, SPEAKERS))
def test_no_order_costs_less(leading: bool, seed: int, speakers: int) -> None:
    """Of all orders; of those that begin with who speaks, where that is asked."""
    torch.manual_seed(seed)
    logits = 3 * torch.randn(1, FRAMES, SPEAKERS)
    targets = (torch.rand(1, FRAMES, SPEAKERS) < 0.4).float()
    silent = np.random.default_rng(seed).permutation(SPEAKERS)[speakers:]
    targets[:, 0] = 1
    targets[..., silent] = 0
    allowed = [
        targets[..., list(order)]
        for order in itertools.permutations(range(SPEAKERS))
        if not leading or set(order[speakers:]) == set(silent.tolist())
    ]
    if leading:
        found = losses.leading_order(logits, targets)
    else:
        found = losses.best_order(logits, targets, torch.ones(1, FRAMES))
    assert any(torch.equal(found, each) for each in allowed)
    assert cost(logits, found) <= min(cost(logits, each) for each in allowed) + 1e-3


def test_every_conversation_has_its_own_order() -> None:
    """One of two voices, whose outputs are the last in vain, beside one of four."""
    logits = torch.full((2, FRAMES, SPEAKERS), -5.0)
    targets = torch.zeros(2, FRAMES, SPEAKERS)
    for frame, (two, four) in enumerate([(2, 0), (2, 1), (3, 2), (3, 3), (3, 0), (2, 1), (3, 2)]):
        logits[0, frame, two], targets[0, frame, 3 - two] = 5.0, 1.0
        logits[1, frame, four], targets[1, frame, (four + 1) % 4] = 5.0, 1.0
    found = losses.leading_order(logits, targets)
    assert set(found[0].sum(0)[:2].tolist()) == {3.0, 4.0}
    assert found[0].sum(0)[2:].tolist() == [0.0, 0.0]
    assert torch.equal(found[1], (logits[1] > 0).float())


@given(seed=st.integers(0, 2**32 - 1))
def test_the_expected_error_of_the_sure_is_their_error(seed: int) -> None:
    """Where probabilities are 0 or 1; a mean over frames and outputs."""
    torch.manual_seed(seed)
    logits = 200 * (torch.randint(2, (2, FRAMES, SPEAKERS)).float() - 0.5)
    targets = torch.randint(2, (2, FRAMES, SPEAKERS)).float()
    ordered = losses.best_order(logits, targets, torch.ones(2, FRAMES))
    wrong, _ = losses.frame_errors(logits, targets, torch.ones(2, FRAMES))
    found = losses.expected_error(logits, ordered).item()
    assert found == pytest.approx(wrong / ordered.numel(), abs=1e-5)


def test_a_second_output_is_on_only_where_two_speak() -> None:
    """The first alone in five frames, the second alone in two, both in three: by 0.8 and 0.5 cross
    entropy has nothing to learn; but the second on beside the first is wrong in seven of ten.
    """
    targets = torch.zeros(1, 10, SPEAKERS)
    targets[0, :5, 0] = targets[0, 5:7, 1] = 1
    targets[0, 7:, :2] = 1
    logits = torch.logit(torch.tensor([0.8, 0.5, 1e-6, 1e-6])).expand(1, 10, -1).clone()
    logits.requires_grad_()

    def pull(lacks: torch.Tensor) -> list[float]:
        (gradient,) = torch.autograd.grad(lacks, logits)
        return [float(each) for each in gradient[0].sum(0)]

    entropy = functional.binary_cross_entropy_with_logits(logits, targets)
    assert pull(entropy) == pytest.approx([0, 0, 0, 0], abs=1e-6)
    first, second, *_ = pull(losses.expected_error(logits, targets))
    assert first < 0 < second
