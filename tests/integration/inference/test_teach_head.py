"""The head is taught on what another process keeps; nothing else of the model moves."""

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from deploy.checkpoints import kept, sortformer, teach_head
from deploy.checkpoints.conversations import Conversation, Conversations, Difficulty, Sources
from deploy.checkpoints.sessions import Span
from deploy.checkpoints.speech import SAMPLE_RATE
from deploy.checkpoints.train_schedule import Schedule


class Noise(Conversations):
    """Conversations of one voice, which is noise in their first half."""

    def __init__(self) -> None:
        """Nothing is drawn from."""

    def draw(
        self, rng: np.random.Generator, seconds: float, difficulty: Difficulty
    ) -> Conversation:
        """As long as asked for."""
        samples = rng.normal(0, 0.1, int(seconds * SAMPLE_RATE)).astype(np.float32)
        half = len(samples) // 2
        samples[half:] *= 0.01
        return Conversation(samples, [Span(0, 0, half)], [0])


@pytest.fixture
def few_files() -> Iterator[int]:
    """No more than some dozens of files may be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = max(int(file.name) for file in Path("/proc/self/fd").iterdir()) + 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    yield allowed
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_many_conversations_need_few_files_and_only_the_head_learns(
    few_files: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teach_head, "SECONDS", (2.0, 3.0))
    model = sortformer.build()
    before = {name: weights.clone() for name, weights in model.state_dict().items()}
    teach_head.teach(model, Sources(Noise(), Noise()), Schedule(2), first=few_files)
    moved = {
        name.split(".")[0]
        for name, weights in model.state_dict().items()
        if not torch.equal(weights, before[name])
    }
    assert moved == {"transformer_encoder", "sortformer_modules"}
    assert not model.training


def test_a_head_is_taught_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run has taught the next one finds."""
    file, one, other = tmp_path / "head.pt", sortformer.build(), sortformer.build()
    sources = Sources(Noise(), Noise())
    calls: list[object] = []
    monkeypatch.setattr(teach_head, "teach", lambda *given: calls.append(given))
    teach_head.taught(one, sources, file)
    teach_head.taught(other, sources, file)
    assert len(calls) == 1
    both = zip(
        teach_head.parts(one).parameters(), teach_head.parts(other).parameters(), strict=True
    )
    assert all(torch.equal(*pair) for pair in both)


class Throughout(Noise):
    """Whose voice speaks from beginning to end."""

    def draw(
        self, rng: np.random.Generator, seconds: float, difficulty: Difficulty
    ) -> Conversation:
        drawn = super().draw(rng, seconds, difficulty)
        return Conversation(drawn.samples, [Span(0, 0, len(drawn.samples))], drawn.voices)


def test_known_voices_and_strangers_are_heard_and_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(teach_head, "SECONDS", (2.0, 3.0))
    monkeypatch.setattr(kept, "AUDIO_S", 3.0)
    sources = Sources(Noise(), Throughout())
    heard = iter(teach_head.Heard(sortformer.build().eval(), sources, 0))
    each = [one for _ in range(8) for one in next(heard)]
    assert {one.known for one in each} == {True, False}
    assert all((one.active[:, 0].mean() < 0.6) == one.known for one in each)
