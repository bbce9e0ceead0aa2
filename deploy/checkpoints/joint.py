"""Trains the Sortformer end to end: voices first, then conversations from easy to hard.

Phase 1 teaches the encoder only: every frame's state shall point where the teacher's embedding of
what is around it points (``tracks.py``; a fixed projection), silence to a direction of its own,
overlap between the voices. The head has meanwhile learnt to group such states (``rehearsal.py``).
Phase 2 joins them under the permutation-free loss; the voice loss stays on with a small weight, and
a part of the head's attention is shown where the same voice speaks (``attention.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import torch
from nemo.collections.asr.models import SortformerEncLabelModel
from torch.nn import functional

from deploy.checkpoints import losses, sortformer
from deploy.checkpoints.attention import Attention
from deploy.checkpoints.conversations import Conversation, Conversations, Difficulty
from deploy.checkpoints.pool import PoolVoice
from deploy.checkpoints.rehearsal import SILENCE
from deploy.checkpoints.sessions import frames
from deploy.checkpoints.sortformer import ENCODER_WIDTH, FRAME_S, SPEAKERS
from deploy.checkpoints.teacher import DIMENSIONS, FRAME

EASY = Difficulty((0.1, 0.9, 0.0, 0.0), 0.0, 0.2, 0.3, 0.1, 0.0, 5.0, 3.0, 0.2, 0.0)


@dataclass(frozen=True)
class Stage:
    """A stretch of training."""

    until: int  # step
    seconds: tuple[float, float]  # length of the conversations
    audio_s: float  # seconds of audio in a step
    diarize: float  # weight of the permutation-free loss (0 leaves the head alone)
    voices: float  # weight of the voice loss
    attention: float = 0.0  # weight of the attention's loss
    difficulty: Difficulty = field(default_factory=Difficulty)


STAGES = (
    Stage(1000, (5, 8), 120, 0.0, 1.0, difficulty=replace(EASY, speakers=(0.2, 0.5, 0.3, 0.0))),
    Stage(1600, (6, 10), 120, 1.0, 0.5, 0.3, EASY),
    Stage(
        2300,
        (8, 14),
        140,
        1.0,
        0.3,
        0.3,
        replace(EASY, speakers=(0.1, 0.4, 0.3, 0.2), overlap=0.4, room=0.35),
    ),
    # under a weight of 0.15 the voice loss had risen from 0.41 to 0.5: hold on to the voices
    Stage(13_000, (8, 24), 110, 1.0, 0.5, 0.3),
    # as long as what is measured: who speaks again after half a minute is another skill
    Stage(17_000, (15, 50), 180, 1.0, 0.3, 0.2),
    # the encoder learns anew, from what the teacher hears frame by frame
    Stage(18_200, (8, 24), 110, 1.0, 1.0, 0.3),
    Stage(1_000_000, (15, 50), 180, 1.0, 0.5, 0.2),
)

QUICK = (Stage(2, (4, 5), 12, 0.0, 1.0), Stage(1_000_000, (4, 5), 12, 1.0, 0.2, 0.3, EASY))


def stage(step: int, stages: tuple[Stage, ...] = STAGES) -> Stage:
    """The stage a step belongs to."""
    return next(entry for entry in stages if step < entry.until)


@dataclass(frozen=True)
class Batch:
    """Features (batch, mel, frames), their lengths, activity (batch, out frames, speakers), voice
    targets.
    """

    features: torch.Tensor
    lengths: torch.Tensor
    active: torch.Tensor
    states: torch.Tensor


def targets(voices: list[PoolVoice]) -> list[torch.Tensor]:
    """Where each voice's frames should point (frames, encoder width): what the teacher hears there,
    in a fixed projection.
    """
    projection = np.linalg.qr(
        np.random.default_rng(7).normal(size=(DIMENSIONS, ENCODER_WIDTH - 1))
    )[0].astype(np.float32)
    result = []
    for voice in voices:
        assert voice.local is not None
        projected = voice.local.astype(np.float32) @ projection
        projected /= np.linalg.norm(projected, axis=1, keepdims=True)
        result.append(torch.from_numpy(np.insert(projected, SILENCE, 0, axis=1)))
    return result


def quick_convolutions(model: SortformerEncLabelModel) -> None:
    """Let depth-wise 2-D convolutions run in fp32, channels last: their bf16 backward pass is ten
    times slower on a CPU.
    """
    for module in model.encoder.pre_encode.modules():
        if isinstance(module, torch.nn.Conv2d):
            cast(Any, module).to(memory_format=torch.channels_last)
            if module.groups > 1:
                cast(Any, module).forward = _plain(module)


def _plain(module: torch.nn.Conv2d) -> Callable[[torch.Tensor], torch.Tensor]:
    def forward(inputs: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", enabled=False):
            last = inputs.float().contiguous(memory_format=torch.channels_last)
            return cast(torch.Tensor, module._conv_forward(last, module.weight, module.bias))

    return forward


def draw(
    model: SortformerEncLabelModel,
    source: Conversations,
    rng: np.random.Generator,
    current: Stage,
    targets: list[torch.Tensor],
) -> Batch:
    """One batch of equally long conversations."""
    seconds = float(rng.uniform(*current.seconds))
    drawn = [
        source.draw(rng, seconds, current.difficulty)
        for _ in range(max(2, round(current.audio_s / seconds)))
    ]
    return collate(model, drawn, targets)


def collate(
    model: SortformerEncLabelModel, drawn: list[Conversation], targets: list[torch.Tensor] | None
) -> Batch:
    """Features and targets of the conversations; None where the encoder is not taught."""
    audio = torch.from_numpy(np.stack([entry.samples for entry in drawn]))
    audio = audio / (
        audio.amax(1, keepdim=True) + 1e-3
    )  # as the model does at inference, but per row
    with torch.no_grad():
        features, lengths = model.preprocessor(
            input_signal=audio, length=torch.full((len(audio),), audio.shape[1])
        )
    features = features[:, :, : int(lengths.max())]
    count = int(features.shape[2] + 7) // 8
    active = torch.from_numpy(
        np.stack([frames(entry.spans, SPEAKERS, count, FRAME_S) for entry in drawn])
    )
    states = torch.zeros(len(drawn), count, ENCODER_WIDTH)
    for row, entry in enumerate(drawn):
        if targets is not None:
            states[row] = _pointing(entry, targets, count)
    return Batch(features, lengths, active, states)


def _pointing(entry: Conversation, targets: list[torch.Tensor], count: int) -> torch.Tensor:
    """Where the states of a conversation should point (count, encoder width)."""
    states, middle = torch.zeros(count, ENCODER_WIDTH), torch.arange(count) * FRAME + FRAME // 2
    for span in entry.spans:
        heard = targets[entry.voices[span.speaker]]
        place = (middle >= span.start) & (middle < span.end)
        source = (span.source + middle[place] - span.start) // FRAME
        states[place] += heard[source.clamp(max=len(heard) - 1)]
    states[states.abs().sum(1) == 0, SILENCE] = 1.0
    return states


def loss(
    model: SortformerEncLabelModel, batch: Batch, current: Stage, attention: Attention
) -> tuple[torch.Tensor, dict[str, float]]:
    """The weighted loss and its parts; ``attention`` listens to ``model``."""
    with torch.autocast("cpu", torch.bfloat16):
        encoded, lengths = model.encoder(audio_signal=batch.features, length=batch.lengths)
        encoded = encoded.transpose(1, 2)
        logits = sortformer.head(model, encoded, lengths) if current.diarize else None
    count = min(encoded.shape[1], batch.active.shape[1])
    voices = (
        1
        - functional.cosine_similarity(
            encoded[:, :count].float(), batch.states[:, :count], dim=2
        ).mean()
    )
    total = current.voices * voices
    parts = {"voices": float(voices.detach())}
    if logits is not None:
        mask = torch.ones(logits.shape[0], count)
        diarize = losses.permutation_free(logits[:, :count], batch.active[:, :count], mask)
        total = total + current.diarize * diarize
        parts["diarize"] = float(diarize.detach())
    if logits is not None and current.attention:
        looked = attention.loss(batch.active[:, :count])
        total = total + current.attention * looked
        parts["attention"] = float(looked.detach())
    return total, parts


@torch.inference_mode()
def frame_error(
    model: SortformerEncLabelModel, conversations: list[Conversation]
) -> dict[int, float]:
    """Frame error rate at threshold 0.5 by number of speakers; 0 stands for all."""
    wrong: dict[int, float] = {0: 0.0}
    spoken: dict[int, float] = {0: 0.0}
    for entry in conversations:
        batch = collate(model, [entry], None)
        with torch.autocast("cpu", torch.bfloat16):
            encoded, lengths = model.encoder(audio_signal=batch.features, length=batch.lengths)
            logits = sortformer.head(model, encoded.transpose(1, 2), lengths).float()
        count = min(logits.shape[1], batch.active.shape[1])
        errors = losses.frame_errors(
            logits[:, :count], batch.active[:, :count], torch.ones(1, count)
        )
        for key in (0, len(entry.voices)):
            wrong[key] = wrong.get(key, 0.0) + errors[0]
            spoken[key] = spoken.get(key, 0.0) + errors[1]
    return {key: wrong[key] / max(spoken[key], 1.0) for key in sorted(wrong)}
