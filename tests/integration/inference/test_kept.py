"""Conversations put together from kept states."""

import numpy as np
import pytest
import torch

from deploy.checkpoints import kept, sortformer
from deploy.checkpoints.batches import SILENCE, Batch
from deploy.checkpoints.kept import Kept
from deploy.checkpoints.sortformer import ENCODER_WIDTH, HOPS, SPEAKERS

# at right angles, so that those who come nearer stay long enough to be made as long as they were
VOICES = torch.linalg.qr(torch.eye(ENCODER_WIDTH - 1).roll(7, 0)[:, :SPEAKERS] + 0.1)[0].T


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
def test_a_conversation_keeps_its_voices_apart(
    told: list[Kept], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Turned or not: two frames are as near as their voices, and silence is silence."""
    monkeypatch.setattr(kept, "NEARER", 0.0)
    monkeypatch.setattr(kept, "WIDER", 0.0)
    states, active = kept.draw(told, np.random.default_rng(count), 12, count)
    assert states.shape == (12, count, ENCODER_WIDTH)
    assert active.shape == (12, count, SPEAKERS)
    assert (active.sum((1, 2)) > 0).all()
    silent = active.sum(2) == 0
    assert torch.equal(states[..., SILENCE] == 1, silent)
    near = VOICES @ VOICES.T
    for said, voices in zip(states[..., SILENCE + 1 :], active, strict=True):
        assert torch.allclose(said @ said.T, voices @ near @ voices.T, atol=5e-3)


@pytest.mark.parametrize("count", [20, 300])
def test_voices_come_nearer(told: list[Kept], count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of one conversation, to one another, and never as far as to be one; silence stays."""
    monkeypatch.setattr(kept, "NEARER", 1.0)
    monkeypatch.setattr(kept, "WIDER", 0.0)
    states, active = kept.draw(told, np.random.default_rng(count), 12, count)
    assert torch.equal(states[..., SILENCE] == 1, active.sum(2) == 0)
    near = VOICES @ VOICES.T
    spoken, gained = states[..., SILENCE + 1 :], list[torch.Tensor]()
    for said, voices in zip(spoken, active, strict=True):
        alike = said @ said.T
        same = voices @ voices.T > 0
        speak = voices.sum(1) > 0
        different = speak[:, None] & speak & ~same
        assert torch.allclose(alike[same], torch.ones(1), atol=5e-3)
        assert (alike > voices @ near @ voices.T - 5e-3)[different].all()
        gained.append((alike - voices @ near @ voices.T)[different].mean().nan_to_num())
        assert (alike < 0.95)[different].all()
    assert torch.stack(gained).mean() > 0.1


def test_voices_become_others(told: list[Kept], monkeypatch: pytest.MonkeyPatch) -> None:
    """Some rows know the voices as they were kept, others do not; what was kept is untouched."""
    monkeypatch.setattr(kept, "NEARER", 0.0)
    monkeypatch.setattr(kept, "WIDER", 0.0)
    before = told[-1].states.copy()
    states, active = kept.draw(told[-1:], np.random.default_rng(1), 40, 300)
    as_kept = active @ VOICES
    stayed = [
        torch.allclose(said, was, atol=5e-3)
        for said, was in zip(states[..., SILENCE + 1 :], as_kept, strict=True)
    ]
    assert 4 <= sum(stayed) <= 22
    assert np.array_equal(told[-1].states, before)


def spread(states: torch.Tensor, active: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean square of what varies within a voice, and squared distance of the first two voices;
    (conversations,) each, of states (conversations, frames, width) all of one length.
    """
    centres = active.transpose(1, 2) @ states / active.sum(1).clamp(min=1)[..., None]
    strays = (states - active @ centres).square().sum(2) * active.sum(2)
    return strays.sum(1) / active.sum((1, 2)), (centres[:, 0] - centres[:, 1]).square().sum(1)


@pytest.mark.parametrize("known", [True, False])
def test_voices_vary_more(known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within themselves; those of strangers grow apart as well, and are told apart as before."""
    monkeypatch.setattr(kept, "NEARER", 0.0)
    monkeypatch.setattr(kept, "TURNED", 0.0)
    monkeypatch.setattr(kept, "BENT", 0.0)
    torch.manual_seed(0)
    heard = conversation(np.random.default_rng(2), 300, 2)
    states = torch.from_numpy(heard.states).float()
    speaks = torch.from_numpy(heard.active).sum(1, keepdim=True) > 0
    states += speaks * 0.2 * torch.randn(states.shape) / ENCODER_WIDTH**0.5
    told = kept.of(states[None], torch.from_numpy(heard.active)[None], known)
    drawn = {}
    for share in (0.0, 1.0):
        monkeypatch.setattr(kept, "WIDER", share)
        said, active = kept.draw(told, np.random.default_rng(1), 20, 300)
        drawn[share] = spread(torch.nn.functional.normalize(said, dim=2), active)
    wider, farther = (drawn[1.0][part].mean() / drawn[0.0][part].mean() for part in (0, 1))
    assert 1.2 < wider < kept.WIDEST**2
    assert (0.9 < farther < 1.05) if known else (1.1 < farther < 1.53)


def test_strangers_do_not_come_nearer(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are as near as unknown voices are."""
    monkeypatch.setattr(kept, "NEARER", 1.0)
    monkeypatch.setattr(kept, "WIDER", 0.0)
    heard = conversation(np.random.default_rng(2), 300, 2)
    for known in (True, False):
        told = [Kept(heard.states, heard.active, known)]
        distance = spread(*kept.draw(told, np.random.default_rng(1), 20, 300))[1].mean()
        apart = (VOICES[0] - VOICES[1]).square().sum()
        assert (distance < 0.8 * apart) == known


def test_training_goes_on_after_longer_audio_than_any_before_was_heard() -> None:
    model = sortformer.build().eval()
    length = int(model.encoder.max_audio_length) + HOPS
    frames, nothing = length // HOPS, torch.zeros(0)
    active = torch.ones(1, frames, SPEAKERS)
    features, lengths = torch.randn(1, 80, length), torch.tensor([length])
    kept.heard(model, Batch(features, lengths, active, nothing, nothing, nothing), known=False)
    short = torch.tensor([HOPS * 12])
    states, _ = model.train().encoder(audio_signal=features[:, :, : HOPS * 12], length=short)
    states.sum().backward()
    assert model.encoder.layers[0].self_attn.linear_pos.weight.grad is not None
