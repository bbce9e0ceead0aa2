"""Trains the Sortformer end to end: the encoder learns to listen (``listening.py``), the head
then learns to name groups of such states (``teach_head.py``); then they learn together.

Together they learn who speaks when (``naming.py``), and the encoder's lessons go on. It tells
the voices that it learns from apart better than others: so the head learns from strangers too, whom
the encoder hears and does not learn from (Wolpert, "Stacked generalization", 1992).
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from nemo.collections.asr.models import SortformerEncLabelModel

from deploy.checkpoints import head_lessons, kept, losses, precision, sortformer
from deploy.checkpoints.batches import Batch, collate
from deploy.checkpoints.conversations import Conversation
from deploy.checkpoints.kept import Kept
from deploy.checkpoints.listening import Listening
from deploy.checkpoints.naming import Naming
from deploy.checkpoints.stages import Stage

ASIDE = 1.0  # frames of the conversations beside, of those of the whole ones
ROOM = 300  # conversations of strangers are kept; the oldest make room


@dataclass(frozen=True)
class Lessons:
    """Who listens to the encoder, who to the head, and the strangers last met."""

    listening: Listening
    naming: Naming
    strangers: deque[Kept] = field(default_factory=lambda: deque(maxlen=ROOM))

    @classmethod
    def of(cls, model: SortformerEncLabelModel) -> "Lessons":
        """For one model that has met nobody yet."""
        return cls(Listening(model), Naming(model))

    def meet(self, strangers: Batch) -> None:
        """Hear conversations of voices that the encoder does not learn from, and keep them; leaves
        the model in evaluation mode.
        """
        model = self.listening.model.eval()
        self.strangers.extend(kept.heard(model, strangers, known=False))


def quick_convolutions(model: SortformerEncLabelModel) -> None:
    """Keep the weights of the convolutions in front channels last, as a CPU is quicker so."""
    for module in model.encoder.pre_encode.modules():
        if isinstance(module, torch.nn.Conv2d):
            cast(Any, module).to(memory_format=torch.channels_last)


def loss(
    batch: Batch, current: Stage, lessons: Lessons, rng: np.random.Generator
) -> tuple[torch.Tensor, dict[str, float]]:
    """The weighted loss and its parts."""
    model = lessons.listening.model
    with precision.products():
        encoded, lengths = model.encoder(audio_signal=batch.features, length=batch.lengths)
    count = min(encoded.shape[2], batch.active.shape[1])
    states, active = encoded.transpose(1, 2)[:, :count].float(), batch.active[:, :count]
    parts = lessons.listening.losses(states, batch)
    if current.diarize and not batch.passages:
        parts |= lessons.naming.losses(states, lengths.clamp(max=count), active)
        if current.aside:
            parts["aside"] = aside(states, active, lessons, rng)
    total = sum((getattr(current, name) * part for name, part in parts.items()), torch.zeros(()))
    return total, {name: float(part.detach()) for name, part in parts.items()}


def aside(
    states: torch.Tensor, active: torch.Tensor, lessons: Lessons, rng: np.random.Generator
) -> torch.Tensor:
    """What the head lacks in other conversations: made-up ones, blocks of these, of strangers.
    The encoder does not learn from it.
    """
    told = kept.of(states.detach(), active)
    if lessons.strangers:  # as many of them
        told += [lessons.strangers[i] for i in rng.integers(len(lessons.strangers), size=len(told))]
    lesson = head_lessons.aside(rng, round(ASIDE * active.shape[0] * active.shape[1]))
    said, speak = head_lessons.batch(lesson, told, rng)
    lengths = torch.full((len(said),), lesson.frames)
    return head_lessons.loss(lessons.naming.losses(said, lengths, speak))


@torch.inference_mode()
def frame_error(
    model: SortformerEncLabelModel, conversations: list[Conversation]
) -> dict[int, float]:
    """Frame error rate at threshold 0.5 by number of speakers; 0 stands for all."""
    wrong: dict[int, float] = {0: 0.0}
    spoken: dict[int, float] = {0: 0.0}
    for entry in conversations:
        batch = collate(model, [entry], [])
        with precision.products():
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
