"""The compact TitaNet: NeMo's own class with a small configuration."""

from typing import Any

import torch
from nemo.collections.asr.models import EncDecSpeakerLabelModel
from omegaconf import DictConfig, OmegaConf
from torch.nn import functional

DIMENSIONS = 192
WIDTH = 224


def _block(
    filters: int, kernel: int, repeat: int = 1, stride: int = 1, residual: bool = False
) -> dict[str, Any]:
    return {
        "filters": filters, "repeat": repeat, "kernel": [kernel], "stride": [stride],
        "dilation": [1],
        "dropout": 0.0, "residual": residual, "separable": True, "se": True, "se_context_size": -1,
    }  # fmt: skip


def configuration(classes: int = 2) -> DictConfig:
    """TitaNet's published layout, shrunk; the first block halves the frame rate (half the work, the
    same figures).
    """
    config: DictConfig = OmegaConf.create(
        {
            "sample_rate": 16000,
            "preprocessor": {
                "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor",
                "normalize": "per_feature",
                "window_size": 0.025,
                "sample_rate": 16000,
                "window_stride": 0.01,
                "window": "hann",
                "features": 80,
                "n_fft": 512,
                "frame_splicing": 1,
                "dither": 0.00001,
            },
            "encoder": {
                "_target_": "nemo.collections.asr.modules.ConvASREncoder",
                "feat_in": 80,
                "activation": "relu",
                "conv_mask": True,
                "jasper": [
                    _block(WIDTH, 3, stride=2),
                    _block(WIDTH, 7, repeat=3, residual=True),
                    _block(WIDTH, 11, repeat=3, residual=True),
                    _block(WIDTH, 15, repeat=3, residual=True),
                    _block(512, 1),
                ],
            },
            "decoder": {
                "_target_": "nemo.collections.asr.modules.SpeakerDecoder",
                "feat_in": 512,
                "num_classes": classes,
                "pool_mode": "attention",
                "emb_sizes": DIMENSIONS,
                "angular": True,
            },
            "loss": {
                "_target_": "nemo.collections.asr.losses.angularloss.AngularSoftmaxLoss",
                "scale": 30,
                "margin": 0.2,
            },
            "optim": {"name": "adamw", "lr": 0.001, "weight_decay": 0.001},
        }
    )
    return config


def build() -> EncDecSpeakerLabelModel:
    """The model with random weights."""
    return EncDecSpeakerLabelModel(cfg=configuration())


def embed(model: EncDecSpeakerLabelModel, audio: torch.Tensor) -> torch.Tensor:
    """Unit embeddings (batch, 192) of equally long audio (batch, samples)."""
    return functional.normalize(raw(model, audio), dim=1)


def raw(model: EncDecSpeakerLabelModel, audio: torch.Tensor) -> torch.Tensor:
    """Embeddings (batch, 192) as the last layer gives them."""
    _, embedded = model.forward(
        input_signal=audio,
        input_signal_length=torch.full((len(audio),), audio.shape[1], dtype=torch.long),
    )
    return torch.as_tensor(embedded).float()
