"""The order of the speakers that costs least (the permutation-free loss is what it costs), and the
frame error in that order.
"""

import itertools

import torch
from torch.nn import functional

FORBIDDEN = 1e7  # more than any order costs


def permutations(speakers: int) -> torch.Tensor:
    """All orders of the speakers, (speakers!, speakers)."""
    return torch.tensor(list(itertools.permutations(range(speakers))))


def best_order(logits: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The targets (batch, frames, speakers) with their columns in the order that costs least.

    ``mask`` (batch, frames) is 1 on frames that count.
    """
    return _reordered(targets, _costs(logits, targets, mask))


def leading_order(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The same where the outputs of who speaks must come first and those of nobody last.

    Without that a head may lay out the space of voices among its outputs, once and for all: two
    voices of one region get one output, and the fourth output none (`TRIED.md`).
    """
    present = (targets.sum(1) > 0).to(logits.dtype)
    late = torch.arange(targets.shape[-1])[None] >= present.sum(1, keepdim=True)
    costs = _costs(logits, targets, torch.ones(targets.shape[:2]))
    return _reordered(targets, costs + FORBIDDEN * late[:, :, None] * present[:, None])


@torch.no_grad()
def _costs(logits: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Of output i standing for reference speaker j, (batch, i, j): cross entropy, summed."""
    on = functional.softplus(-logits.float()) * mask[..., None]
    off = functional.softplus(logits.float()) * mask[..., None]
    return torch.einsum("bti,btj->bij", on, targets) + torch.einsum(
        "bti,btj->bij", off, 1 - targets
    )


def _reordered(targets: torch.Tensor, costs: torch.Tensor) -> torch.Tensor:
    orders = permutations(targets.shape[-1]).to(costs.device)
    speakers = torch.arange(targets.shape[-1], device=costs.device)
    best = costs[:, speakers, orders].sum(-1).argmin(1)  # (batch,)
    return torch.gather(targets, 2, orders[best][:, None].expand(-1, targets.shape[1], -1))


def expected_error(logits: torch.Tensor, ordered: torch.Tensor) -> torch.Tensor:
    """The frame error of DER where probabilities are the guess, mean over frames and outputs, of
    targets (batch, frames, speakers) in the order of the outputs.

    Cross entropy knows each output alone: of two that may each be the one who speaks it leaves both
    near a half, and both are heard. Here both together cost more than either of them.
    """
    said = logits.float().sigmoid()
    most = torch.maximum(said.sum(-1), ordered.sum(-1))
    return (most - (said * ordered).sum(-1)).mean() / ordered.shape[-1]


def frame_errors(
    logits: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor
) -> tuple[float, float]:
    """Wrong speaker frames and reference speaker frames at threshold 0.5 (a frame's error as in
    DER, per frame).
    """
    ordered = best_order(logits, targets, mask)
    guess = (logits > 0).float() * mask[..., None]
    ordered = ordered * mask[..., None]
    wrong = torch.maximum(guess.sum(-1), ordered.sum(-1)) - (guess * ordered).sum(-1)
    return float(wrong.sum()), float(ordered.sum())
