"""Averages the weights of a model and of one that was trained on from it.

Two ends of one training lie in one valley, and between them it may be lower (Wortsman et al.,
"Robust fine-tuning of zero-shot models", 2022).
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from nemo.collections.asr.models import SortformerEncLabelModel

from consumer.inference.postprocessing import PostProcessing
from deploy.checkpoints import measure, sortformer
from producer_tools.evaluate.recordings import RecordingInMemory

SHARES = (1.0, 0.0, 0.75, 0.5, 0.25)  # of the newer weights
EITHER = SHARES[:2]


def mixed(
    older: SortformerEncLabelModel, newer: SortformerEncLabelModel, share: float
) -> SortformerEncLabelModel:
    """A model with ``share`` of the newer's weights and the rest of the older's."""
    if share in EITHER:
        return newer if share else older
    weights = {
        name: torch.lerp(old, new, share) if old.dtype.is_floating_point else new
        for (name, old), new in zip(
            older.state_dict().items(), newer.state_dict().values(), strict=True
        )
    }
    model = sortformer.build()
    model.load_state_dict(weights)
    return model.eval()


def best(
    older: SortformerEncLabelModel,
    newer: SortformerEncLabelModel,
    told: Mapping[str, Sequence[RecordingInMemory]],
) -> tuple[float, SortformerEncLabelModel]:
    """The mixture with the least error on these sets of conversations, each counting as much, and
    its share of the newer weights; prints each error. Models of two shapes are not mixed.
    """
    errors: dict[float, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for share in SHARES if _shape(older) == _shape(newer) else EITHER:
            file = Path(folder) / f"{share}.nemo"
            mixed(older, newer, share).save_to(str(file))
            found = {
                name: measure.error(measure.probable(each, str(file)), PostProcessing())
                for name, each in told.items()
            }
            errors[share] = sum(found.values()) / len(found)
            by_set = ", ".join(f"{name} {error:.4f}" for name, error in found.items())
            print(f"{share:g} of the newer weights: error {errors[share]:.4f} ({by_set})")
    share = min(errors, key=errors.__getitem__)
    return share, mixed(older, newer, share)


def _shape(model: SortformerEncLabelModel) -> dict[str, torch.Size]:
    return {name: weights.shape for name, weights in model.state_dict().items()}
