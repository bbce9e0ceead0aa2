"""Models built from configuration with random weights: the published sizes and small ones.

Random weights give probabilities near 0.5 everywhere; the last layer is scaled until speakers come
and go, so that segments look like segments.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf


@dataclass(frozen=True)
class SortformerSize:
    layers: int
    d_model: int
    heads: int
    channels: int
    head_layers: int
    head_d_model: int
    head_inner: int
    head_heads: int


SMALL = SortformerSize(2, 64, 4, 32, 2, 32, 64, 4)
PUBLISHED_V1 = SortformerSize(18, 512, 8, 256, 18, 192, 768, 8)
PUBLISHED_V2 = SortformerSize(17, 512, 8, 256, 18, 192, 768, 8)

SMALL_TITANET = (64, 192)  # block and last filters
PUBLISHED_TITANET = (1024, 3072)

_ASR = "nemo.collections.asr"


def _preprocessor(features: int, normalize: str) -> dict[str, Any]:
    return {
        "_target_": f"{_ASR}.modules.AudioToMelSpectrogramPreprocessor",
        "normalize": normalize,
        "window_size": 0.025,
        "sample_rate": 16000,
        "window_stride": 0.01,
        "window": "hann",
        "features": features,
        "n_fft": 512,
        "frame_splicing": 1,
        "dither": 1e-5,
    }


def sortformer_config(
    size: SortformerSize, *, streaming: bool, speakers: int = 4
) -> dict[str, Any]:
    """The published proportions; the streaming kind with the front end of v2.1."""
    features = 128 if streaming else 80
    modules: dict[str, Any] = {
        "_target_": f"{_ASR}.modules.sortformer_modules.SortformerModules",
        "num_spks": speakers,
        "dropout_rate": 0.5,
        "fc_d_model": size.d_model,
        "tf_d_model": size.head_d_model,
    }
    if streaming:
        # As in the repository's YAML: none of the five is what the service asks for.
        modules |= {
            "spkcache_len": 188,
            "fifo_len": 0,
            "chunk_len": 188,
            "spkcache_update_period": 1,
            "chunk_left_context": 1,
            "chunk_right_context": 1,
        }
    return {
        "sample_rate": 16000,
        "pil_weight": 0.5,
        "ats_weight": 0.5,
        "max_num_of_spks": speakers,
        "streaming_mode": streaming,
        "model_defaults": {"fc_d_model": size.d_model, "tf_d_model": size.head_d_model},
        "preprocessor": _preprocessor(features, "NA" if streaming else "per_feature"),
        "sortformer_modules": modules,
        "encoder": {
            "_target_": f"{_ASR}.modules.ConformerEncoder",
            "feat_in": features,
            "feat_out": -1,
            "n_layers": size.layers,
            "d_model": size.d_model,
            "subsampling": "dw_striding",
            "subsampling_factor": 8,
            "subsampling_conv_channels": size.channels,
            "causal_downsampling": False,
            "ff_expansion_factor": 4,
            "self_attention_model": "rel_pos",
            "n_heads": size.heads,
            "att_context_size": [-1, -1],
            "att_context_style": "regular",
            "xscaling": True,
            "untie_biases": True,
            "pos_emb_max_len": 5000,
            "conv_kernel_size": 9,
            "conv_norm_type": "batch_norm",
            "conv_context_size": None,
            "dropout": 0.1,
            "dropout_pre_encoder": 0.1,
            "dropout_emb": 0.0,
            "dropout_att": 0.1,
        },
        "transformer_encoder": {
            "_target_": f"{_ASR}.modules.transformer.transformer_encoders.TransformerEncoder",
            "num_layers": size.head_layers,
            "hidden_size": size.head_d_model,
            "inner_size": size.head_inner,
            "num_attention_heads": size.head_heads,
            "attn_score_dropout": 0.5,
            "attn_layer_dropout": 0.5,
            "ffn_dropout": 0.5,
            "hidden_act": "relu",
            "pre_ln": False,
            "pre_ln_final_layer_norm": True,
        },
        "loss": {
            "_target_": f"{_ASR}.losses.bce_loss.BCELoss",
            "weight": None,
            "reduction": "mean",
        },
        "optim": {"name": "adamw", "lr": 1e-4},
    }


def titanet_config(filters: tuple[int, int]) -> dict[str, Any]:
    """TitaNet's five blocks."""
    width, last = filters
    blocks = [
        (width, 1, 3, 0.0, False),
        (width, 3, 7, 0.1, True),
        (width, 3, 11, 0.1, True),
        (width, 3, 15, 0.1, True),
        (last, 1, 1, 0.0, False),
    ]
    return {
        "sample_rate": 16000,
        "preprocessor": _preprocessor(80, "per_feature"),
        "encoder": {
            "_target_": f"{_ASR}.modules.ConvASREncoder",
            "feat_in": 80,
            "activation": "relu",
            "conv_mask": True,
            "jasper": [
                {
                    "filters": count,
                    "repeat": repeat,
                    "kernel": [kernel],
                    "stride": [1],
                    "dilation": [1],
                    "dropout": dropout,
                    "residual": residual,
                    "separable": True,
                    "se": True,
                    "se_context_size": -1,
                }
                for count, repeat, kernel, dropout, residual in blocks
            ],
        },
        "decoder": {
            "_target_": f"{_ASR}.modules.SpeakerDecoder",
            "feat_in": last,
            "num_classes": 100,
            "pool_mode": "attention",
            "emb_sizes": 192,
        },
        "loss": {
            "_target_": f"{_ASR}.losses.angularloss.AngularSoftmaxLoss",
            "scale": 30,
            "margin": 0.2,
        },
        "optim": {"name": "sgd", "lr": 0.08},
    }


def save_sortformer(size: SortformerSize, path: Path, *, streaming: bool = False) -> Path:
    """A diarizer with random weights, saved to `path`."""
    from nemo.collections.asr.models import SortformerEncLabelModel

    torch.manual_seed(20)
    config = sortformer_config(size, streaming=streaming)
    model = SortformerEncLabelModel(cfg=OmegaConf.create(config)).eval()
    _liven(model)
    model.save_to(str(path))
    return path


def _liven(model: Any) -> None:
    """Make what the frames differ in large beside what they share, as training does.

    Out of the box random weights give nearly the same hidden state at every frame. Scaling up the
    rest in the last layer alone would scale up rounding errors by thousands as well.
    """
    noise = torch.from_numpy(speechlike(20.0, seed=1))[None]
    modules, subsampling = model.sortformer_modules, model.encoder.pre_encode
    with torch.no_grad():
        for name, parameter in model.transformer_encoder.named_parameters():
            if "out_projection" in name or "dense_out" in name:
                parameter.mul_(0.1)  # keeps the residual, where the frames are
        features, lengths = model.process_signal(
            audio_signal=noise, audio_signal_length=torch.tensor([noise.shape[1]])
        )
        features = features[:, :, : int(lengths.max())]  # without the padding to 16 frames
        embedded, _ = subsampling(x=features.transpose(1, 2), lengths=lengths)
        subsampling.out.bias.sub_(embedded[0].mean(dim=0))
        scale = 1 / embedded[0].std()
        subsampling.out.weight.mul_(scale)
        subsampling.out.bias.mul_(scale)
        states, frames = model.frontend_encoder(
            processed_signal=features, processed_signal_length=lengths
        )
        # Logits spread by 2 around -0.6: each speaker talks at about a third of the frames.
        logits = torch.logit(model.forward_infer(states, frames)[0], eps=1e-6)
        spread = 2.0 / logits.std(dim=0)
        layer = modules.single_hidden_to_spks
        layer.weight.mul_(spread[:, None])
        layer.bias.sub_(logits.mean(dim=0)).mul_(spread).sub_(0.6)


def save_titanet(filters: tuple[int, int], path: Path) -> Path:
    """An embedder with random weights, saved to `path`.

    Its batch normalisation has seen some sound, as training leaves it; else every window would get
    nearly the same embedding.
    """
    from nemo.collections.asr.models import EncDecSpeakerLabelModel

    torch.manual_seed(21)
    model = EncDecSpeakerLabelModel(cfg=OmegaConf.create(titanet_config(filters)))
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.momentum = None  # plain averages
    sounds = torch.stack([torch.from_numpy(speechlike(2.0, seed=seed)) for seed in range(16)])
    with torch.no_grad():
        model.train().forward(input_signal=sounds, input_signal_length=torch.full((16,), 32000))
    model.eval().save_to(str(path))
    return path


def speechlike(seconds: float, *, seed: int, level: float = 0.1) -> Any:
    """Noise whose loudness and colour change every few hundred milliseconds; float32 at 16 kHz."""
    import numpy as np

    rng = np.random.default_rng(seed)
    samples = round(seconds * 16000)
    noise = rng.normal(size=samples)
    pieces = samples // 4000 + 2
    loudness = np.repeat(rng.exponential(1.0, pieces), 4000)[:samples]
    pitch = np.repeat(rng.uniform(80, 3000, pieces), 4000)[:samples]
    tone = np.sin(2 * np.pi * np.cumsum(pitch) / 16000)
    return (level * loudness * (0.3 * noise + tone)).astype(np.float32)
