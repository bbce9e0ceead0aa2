"""Asks every layer of the diarizer's head for the answer, not the last alone.

The permutation-free loss reaches the lower layers through all others, and what they shall do for it
takes them long to find out. Asked for the same answer, read by the same last layers, they find it
sooner: Yu et al., "Auxiliary loss of Transformer with residual connection for end-to-end speaker
diarization" (2022). What it brought here stands in `TRIED.md`.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from deploy.checkpoints import sortformer

if TYPE_CHECKING:
    from nemo.collections.asr.models import SortformerEncLabelModel

FIRST = 1  # the layer below it has nothing to answer from: it sees no groups yet


class Intermediate:
    """Listens to the layers of a model's head as it is run."""

    def __init__(self, model: "SortformerEncLabelModel") -> None:
        self._model = model
        self._heard: list[torch.Tensor] = []
        for layer in model.transformer_encoder.layers[FIRST:-1]:
            layer.register_forward_hook(self._listen)

    def _listen(self, module: torch.nn.Module, inputs: Any, output: torch.Tensor) -> None:
        if module.training:
            self._heard.append(output)

    def loss(self, ordered: torch.Tensor) -> torch.Tensor:
        """Mean binary cross entropy of those layers in the forward pass just made.

        ``ordered`` (batch, frames, speakers) is the activity in the order of the last layer's
        outputs; all its frames count.
        """
        heard, self._heard = self._heard, []
        normed = self._model.transformer_encoder.final_layer_norm
        answers = [sortformer.speakers(self._model, normed(hidden)).float() for hidden in heard]
        return torch.stack(
            [functional.binary_cross_entropy_with_logits(said, ordered) for said in answers]
        ).mean()
