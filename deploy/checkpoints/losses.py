"""The permutation-free loss and the frame error that goes with it."""

import itertools

import torch
from torch.nn import functional


def permutations(speakers: int) -> torch.Tensor:
    """All orders of the speakers, (speakers!, speakers)."""
    return torch.tensor(list(itertools.permutations(range(speakers))))


def best_order(logits: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The targets (batch, frames, speakers) with their columns in the order that costs least.

    ``mask`` (batch, frames) is 1 on frames that count.
    """
    with torch.no_grad():
        on = functional.softplus(-logits.float()) * mask[..., None]
        off = functional.softplus(logits.float()) * mask[..., None]
        # cost[b, i, j]: output i against reference speaker j
        cost = torch.einsum("bti,btj->bij", on, targets) + torch.einsum(
            "bti,btj->bij", off, 1 - targets
        )
        orders = permutations(targets.shape[-1]).to(cost.device)
        speakers = torch.arange(targets.shape[-1], device=cost.device)
        best = cost[:, speakers, orders].sum(-1).argmin(1)  # (batch,)
    return torch.gather(targets, 2, orders[best][:, None].expand(-1, targets.shape[1], -1))


def permutation_free(
    logits: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Mean binary cross entropy of a frame and speaker, each conversation in its cheapest order."""
    ordered = best_order(logits, targets, mask)
    losses = functional.binary_cross_entropy_with_logits(logits.float(), ordered, reduction="none")
    return (losses * mask[..., None]).sum() / (mask.sum() * targets.shape[-1])


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
