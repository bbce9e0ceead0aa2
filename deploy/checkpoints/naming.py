"""What the head is taught: to name the groups of frames that one voice has spoken.

Who speaks when, under the permutation-free loss; on the way there, where the same voice speaks
(``attention.py``) and the answer already in its lower layers (``intermediate.py``).
"""

import torch
from nemo.collections.asr.models import SortformerEncLabelModel
from torch.nn import functional

from deploy.checkpoints import losses, precision, sortformer
from deploy.checkpoints.attention import Attention
from deploy.checkpoints.intermediate import Intermediate

DECIDED = 2.0  # weight of the expected error beside the cross entropy, in "diarize"


class Naming:
    """Runs a model's head and listens to it."""

    def __init__(self, model: SortformerEncLabelModel) -> None:
        self._model = model
        self._attention, self._intermediate = Attention(model), Intermediate(model)

    def losses(
        self, states: torch.Tensor, lengths: torch.Tensor, active: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """What the head lacks on states (batch, frames, encoder width) of conversations where
        ``active`` (batch, frames, speakers) speak; all frames count.
        """
        with precision.products():
            logits = sortformer.head(self._model, states, lengths)
            ordered = losses.leading_order(logits, active)
            intermediate = self._intermediate.loss(ordered)
        entropy = functional.binary_cross_entropy_with_logits(logits.float(), ordered)
        return {
            "diarize": entropy + DECIDED * losses.expected_error(logits, ordered),
            "intermediate": intermediate,
            "attention": self._attention.loss(active),
        }
