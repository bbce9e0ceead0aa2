"""What the encoder is taught: to hear what the teacher hears.

Every frame's state shall point where the teacher's embedding of what is around it points
(``tracks.py``; a fixed projection), silence to a direction of its own, overlap between the voices;
and it shall be as near to other voices' frames as the teacher is. Half-way up, the encoder shall
know what the teacher pools (Romero et al., "FitNets: Hints for Thin Deep Nets", 2015). The clean
voice is the target, whatever room, noise and line it came through.
"""

from typing import Any

import torch
from nemo.collections.asr.models import SortformerEncLabelModel
from torch.nn import functional

from deploy.checkpoints.batches import Batch
from deploy.checkpoints.sortformer import ENCODER_WIDTH
from deploy.checkpoints.tracks import DEEP

INSIDE = 4  # the encoder's layer that is read for what the teacher pools
SHARPNESS = 15.0  # of the softmax over other voices' frames: their cosines are multiplied by it
COMPARED = 400  # frames of a batch that are compared with others


class Listening(torch.nn.Module):
    """A diarizer, and what reads the teacher's frames from the middle of its encoder."""

    def __init__(self, model: SortformerEncLabelModel) -> None:
        super().__init__()
        self.model = model
        self.deep = torch.nn.Linear(ENCODER_WIDTH, DEEP)
        self._inside = torch.zeros(0)
        model.encoder.layers[INSIDE].register_forward_hook(self._listen)

    def _listen(self, module: torch.nn.Module, inputs: Any, output: Any) -> None:
        self._inside = output

    def losses(self, states: torch.Tensor, batch: Batch) -> dict[str, torch.Tensor]:
        """What the states (batch, frames, width) of the forward pass just made lack: cosine
        distance to where they should point, divergence of the softmax over other voices' frames
        from the teacher's, squared error of what it pools.
        """
        count = states.shape[1]
        wanted = batch.states[:, :count]
        alone = batch.active[:, :count].sum(2) == 1
        inside = self.deep(self._inside[:, :count].float())
        return {
            "voices": 1 - functional.cosine_similarity(states, wanted, dim=2).mean(),
            "relations": _relations(states[alone], wanted[alone], batch.others),
            "deep": functional.mse_loss(inside[alone], batch.deep[:, :count][alone]),
        }


def _relations(said: torch.Tensor, wanted: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Among ``others`` and frames of the same conversations: who else is there matters most."""
    chosen, beside = torch.randint(len(said), (2, COMPARED))
    near = SHARPNESS * torch.cat([others, functional.normalize(wanted[beside], dim=1)]).T
    return functional.kl_div(
        functional.log_softmax(functional.normalize(said[chosen], dim=1) @ near, 1),
        functional.log_softmax(functional.normalize(wanted[chosen], dim=1) @ near, 1),
        reduction="batchmean",
        log_target=True,
    )
