"""Writes the shipped files: both ``.nemo`` and the card that goes with them."""

import json
from pathlib import Path
from typing import Any

import torch
from nemo.collections.asr.models import EncDecSpeakerLabelModel, SortformerEncLabelModel

from consumer.inference.restore import restore
from deploy.checkpoints import sortformer, titanet, whitening
from deploy.checkpoints.paths import COMPACT
from deploy.checkpoints.windows import Windows

DIARIZER = COMPACT / "diarizer.nemo"
EMBEDDER = COMPACT / "embedder.nemo"
CARD = COMPACT / "card.json"
LICENCE = "Apache-2.0"


def averaged(state: Path, model: Any) -> Any:
    """The model with the averaged weights of a training's state."""
    saved = torch.load(state, map_location="cpu", weights_only=True)
    model.load_state_dict(saved["average"])
    return model.eval()


def diarizer(state: Path, target: Path = DIARIZER) -> Path:
    """Save the diarizer of a training's state."""
    return save(averaged(state, sortformer.build()), target)


def embedder(state: Path, windows: Windows, target: Path = EMBEDDER) -> Path:
    """Save the embedder of a training's state, whitened by ``windows`` of training voices."""
    model = averaged(state, titanet.build())
    whitening.whiten(model, windows)
    return save(model, target)


def save(model: Any, target: Path) -> Path:
    """Write a ``.nemo`` file with its weights in half precision, as both files together may have
    16 MB; who loads it has fp32 again. The given model's are halved too, but no statistics.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for weights in model.parameters():
        weights.data = weights.data.half()
    model.save_to(str(target))
    return target


def steps(state: Path) -> int:
    """How far a training has come."""
    return int(torch.load(state, map_location="cpu", weights_only=True)["step"])


def load_diarizer(source: Path = DIARIZER) -> SortformerEncLabelModel:
    """The shipped diarizer (or another), for inference."""
    model = restore(source, "SortformerEncLabelModel", "cpu")
    model.preprocessor.featurizer.dither = 0.0
    return model


def load_embedder(source: Path = EMBEDDER) -> EncDecSpeakerLabelModel:
    """The shipped embedder (or another), for inference."""
    model = restore(source, "EncDecSpeakerLabelModel", "cpu")
    model.preprocessor.featurizer.dither = 0.0
    return model


def card(update: dict[str, dict[str, Any]], target: Path = CARD) -> dict[str, Any]:
    """Change what ``update`` names in the card; returns the whole card."""
    whole: dict[str, Any] = (
        json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    )
    for part, values in update.items():
        whole.setdefault(part, {}).update(values)
    target.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    return whole
