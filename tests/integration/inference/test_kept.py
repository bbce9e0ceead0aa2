"""Conversations put together from kept states."""

import numpy as np
import pytest
import torch

from deploy.checkpoints import kept
from deploy.checkpoints.batches import SILENCE
from deploy.checkpoints.kept import Kept
from deploy.checkpoints.sortformer import ENCODER_WIDTH, SPEAKERS

VOICES = torch.nn.functional.normalize(torch.randn(SPEAKERS, ENCODER_WIDTH - 1), dim=1)


def conversation(rng: np.random.Generator, frames: int, speakers: int) -> Kept:
    """Every frame a voice's direction, and silence between."""
    who = rng.integers(speakers + 1, size=frames // 10 + 1).repeat(10)[:frames]
    active = torch.zeros(frames, SPEAKERS, dtype=torch.uint8)
    states = torch.zeros(frames, ENCODER_WIDTH)
    for frame, speaker in enumerate(who):
        if speaker == speakers:
            states[frame, SILENCE] = 1
        else:
            active[frame, speaker] = 1
            states[frame, SILENCE + 1 :] = VOICES[speaker]
    return Kept(states.half().numpy(), active.numpy())


@pytest.fixture
def told() -> list[Kept]:
    """Short and long, of few and of many."""
    rng = np.random.default_rng(3)
    return [
        conversation(rng, frames, speakers) for frames in (40, 300) for speakers in (1, 2, 3, 4)
    ]


@pytest.mark.parametrize("count", [20, 150, 700])
@pytest.mark.parametrize("most", [1, 2, 4])
def test_a_conversation_keeps_its_voices_apart(told: list[Kept], count: int, most: int) -> None:
    """Turned or not: two frames are as near as their voices, silence is silence, and there are no
    more voices than asked for.
    """
    states, active = kept.draw(told, np.random.default_rng(count + most), 12, count, most)
    assert states.shape == (12, count, ENCODER_WIDTH)
    assert active.shape == (12, count, SPEAKERS)
    present = (active.sum(1) > 0).sum(1)
    assert present.min() >= 1
    assert present.max() <= most
    silent = active.sum(2) == 0
    assert torch.equal(states[..., SILENCE] == 1, silent)
    near = VOICES @ VOICES.T
    for said, voices in zip(states[..., SILENCE + 1 :], active, strict=True):
        assert torch.allclose(said @ said.T, voices @ near @ voices.T, atol=5e-3)


def test_voices_become_others(told: list[Kept]) -> None:
    """Some rows know the voices as they were kept, others do not; what was kept is untouched."""
    before = told[-1].states.copy()
    states, active = kept.draw(told[-1:], np.random.default_rng(1), 40, 300, 4)
    as_kept = active @ VOICES
    stayed = [
        torch.allclose(said, was, atol=5e-3)
        for said, was in zip(states[..., SILENCE + 1 :], as_kept, strict=True)
    ]
    assert 4 <= sum(stayed) <= 22
    assert np.array_equal(told[-1].states, before)
