"""The compact Sortformer: NeMo's own class with a small configuration."""

import torch
from nemo.collections.asr.models import SortformerEncLabelModel
from omegaconf import DictConfig, OmegaConf

SPEAKERS = 4
FRAME_S = 0.08
HOPS = 16  # feature frames in a frame
HOP_S = FRAME_S / HOPS
ENCODER_WIDTH = 192
HEAD_WIDTH = 192
NEMO = "nemo.collections.asr.modules"


def configuration() -> DictConfig:
    """The published configuration (NEST FastConformer and a Transformer head), shrunk.

    What differs otherwise, and why: the head is pre-LN (a post-LN head of this size stays on the
    first plateau), there is no dropout (conversations hardly repeat, and it costs time), the loss
    is permutation-free only. The lower layers see frames of 40 ms, behind plain convolutions:
    voices are heard better so (`TRIED.md`, also why the features are 5 ms apart).
    """
    config: DictConfig = OmegaConf.create(
        {
            "sample_rate": 16000,
            "pil_weight": 1.0,
            "ats_weight": 0.0,
            "max_num_of_spks": SPEAKERS,
            "streaming_mode": False,
            "model_defaults": {"fc_d_model": ENCODER_WIDTH, "tf_d_model": HEAD_WIDTH},
            "preprocessor": {
                "_target_": f"{NEMO}.AudioToMelSpectrogramPreprocessor",
                "normalize": "per_feature",
                "window_size": 0.025,
                "sample_rate": 16000,
                "window_stride": HOP_S,
                "window": "hann",
                "features": 80,
                "n_fft": 512,
                "frame_splicing": 1,
                "dither": 0.00001,
            },
            "sortformer_modules": {
                "_target_": f"{NEMO}.sortformer_modules.SortformerModules",
                "num_spks": SPEAKERS,
                "dropout_rate": 0.0,
                "fc_d_model": ENCODER_WIDTH,
                "tf_d_model": HEAD_WIDTH,
            },
            "encoder": {
                "_target_": f"{NEMO}.ConformerEncoder",
                "feat_in": 80,
                "feat_out": -1,
                "n_layers": 7,
                "d_model": ENCODER_WIDTH,
                "subsampling": "striding",
                "subsampling_factor": 8,
                "reduction": "pooling",
                "reduction_position": 3,
                "reduction_factor": 2,
                "subsampling_conv_channels": 48,
                "causal_downsampling": False,
                "ff_expansion_factor": 2,
                "self_attention_model": "rel_pos",
                "n_heads": 4,
                "att_context_size": [-1, -1],
                "att_context_style": "regular",
                "xscaling": False,
                "untie_biases": True,
                "pos_emb_max_len": 5000,
                "conv_kernel_size": 9,
                "conv_norm_type": "batch_norm",
                "conv_context_size": None,
                "dropout": 0.0,
                "dropout_pre_encoder": 0.0,
                "dropout_emb": 0.0,
                "dropout_att": 0.0,
                "stochastic_depth_drop_prob": 0.0,
                "stochastic_depth_mode": "linear",
                "stochastic_depth_start_layer": 1,
                "use_pytorch_sdpa": True,
                "sync_max_audio_length": False,  # else every forward pass waits for all processes
            },
            "transformer_encoder": {
                "_target_": f"{NEMO}.transformer.transformer_encoders.TransformerEncoder",
                "num_layers": 5,
                "hidden_size": HEAD_WIDTH,
                "inner_size": 2 * HEAD_WIDTH,
                "num_attention_heads": 4,
                "attn_score_dropout": 0.0,
                "attn_layer_dropout": 0.0,
                "ffn_dropout": 0.0,
                "hidden_act": "relu",
                "pre_ln": True,
                "pre_ln_final_layer_norm": True,
            },
            "loss": {
                "_target_": "nemo.collections.asr.losses.bce_loss.BCELoss",
                "weight": None,
                "reduction": "mean",
            },
            "optim": {"name": "adamw", "lr": 0.001, "betas": [0.9, 0.98], "weight_decay": 0.001},
        }
    )
    return config


def build() -> SortformerEncLabelModel:
    """The model with random weights."""
    return SortformerEncLabelModel(cfg=configuration())


def head(
    model: SortformerEncLabelModel, states: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    """Logits (batch, frames, speakers) from encoder states (batch, frames, encoder width)."""
    modules = model.sortformer_modules
    if modules.encoder_proj is not None:  # of two widths
        states = modules.encoder_proj(states)
    mask = modules.length_to_mask(lengths, states.shape[1])
    return speakers(model, model.transformer_encoder(encoder_states=states, encoder_mask=mask))


def speakers(model: SortformerEncLabelModel, hidden: torch.Tensor) -> torch.Tensor:
    """Logits (batch, frames, speakers) from hidden states (batch, frames, head width)."""
    modules = model.sortformer_modules
    hidden = modules.dropout(torch.relu(hidden))
    hidden = modules.dropout(torch.relu(modules.first_hidden_to_hidden(hidden)))
    logits: torch.Tensor = modules.single_hidden_to_spks(hidden)
    return logits
