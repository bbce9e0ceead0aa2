"""Strangers: the encoder hears them, and only the head learns from them."""

import numpy as np
import pytest
import torch
from nemo.collections.asr.models import SortformerEncLabelModel

from deploy.checkpoints import batches, head_lessons, joint, material, sortformer
from deploy.checkpoints.batches import Batch
from deploy.checkpoints.conversations import Conversation
from deploy.checkpoints.head_lessons import Lesson
from deploy.checkpoints.joint import Lessons
from deploy.checkpoints.kept import Kept
from deploy.checkpoints.sessions import Span
from deploy.checkpoints.speech import SAMPLE_RATE


@pytest.fixture(scope="module")
def model() -> SortformerEncLabelModel:
    torch.manual_seed(0)
    return sortformer.build()


def noise(model: SortformerEncLabelModel, rng: np.random.Generator) -> Batch:
    """Two conversations of 4 s: noise that two voices are said to speak in turn."""
    spans = [Span(0, 0, 2 * SAMPLE_RATE), Span(1, 2 * SAMPLE_RATE, 4 * SAMPLE_RATE)]
    drawn = [
        Conversation(rng.normal(0, 0.1, 4 * SAMPLE_RATE).astype(np.float32), spans, [0, 1])
        for _ in range(2)
    ]
    return batches.collate(model, drawn, [])


def test_strangers_are_voices_of_training_that_the_encoder_does_not_learn_from() -> None:
    """Synthetic ones: every person of training teaches the encoder too."""
    known, everyone = material.encoder_voices(), material.training_voices()
    strangers = [voice for voice in everyone if voice not in known]
    assert len(strangers) >= 100
    assert not {voice.person for voice in known} & {voice.person for voice in strangers}
    assert {voice.style for voice in strangers} == {"synthetic"}


def test_who_is_met_is_kept_as_unknown(model: SortformerEncLabelModel) -> None:
    lessons, rng = Lessons.of(model), np.random.default_rng(0)
    before = {name: kept.clone() for name, kept in model.state_dict().items()}
    for _ in range(3):
        lessons.meet(noise(model, rng))
    assert [kept.known for kept in lessons.strangers] == [False] * 6
    assert all(kept.states.shape == (50, sortformer.ENCODER_WIDTH) for kept in lessons.strangers)
    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items())


def test_the_head_alone_learns_from_what_stands_beside(
    model: SortformerEncLabelModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many conversations of strangers as of others."""
    lessons, rng = Lessons.of(model), np.random.default_rng(0)
    batch, drawn, make = noise(model, rng), list[bool](), head_lessons.batch
    lessons.meet(batch)

    def note(
        lesson: Lesson, told: list[Kept], rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        drawn.extend(each.known for each in told)
        return make(lesson, told, rng)

    monkeypatch.setattr(head_lessons, "batch", note)
    model.train().zero_grad()
    states = torch.randn(2, 50, sortformer.ENCODER_WIDTH, requires_grad=True)
    joint.aside(states, batch.active, lessons, rng).backward()  # type: ignore[no-untyped-call]
    assert drawn == [True, True, False, False]
    assert states.grad is None
    assert all(weights.grad is None for weights in model.encoder.parameters())
    assert any(weights.grad is not None for weights in model.transformer_encoder.parameters())
