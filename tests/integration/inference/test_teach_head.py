"""The head is taught on what another process keeps; nothing else of the model moves."""

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from deploy.checkpoints import kept, sortformer, teach_head
from deploy.checkpoints.conversations import Conversations
from deploy.checkpoints.kept import Kept
from deploy.checkpoints.train_schedule import Schedule

FRAMES, AT_ONCE = 80, 30
NOBODY = Conversations.__new__(Conversations)  # what is heard comes from `heard` below


@pytest.fixture
def few_files() -> Iterator[int]:
    """No more than some dozens of files may be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = max(int(file.name) for file in Path("/proc/self/fd").iterdir()) + 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    yield allowed
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Conversations of one voice, without an encoder's work."""
    active = torch.zeros(FRAMES, sortformer.SPEAKERS, dtype=torch.uint8)
    active[: FRAMES // 2, 0] = 1

    def keep(
        model: object, source: object, rng: np.random.Generator, seconds: object
    ) -> list[Kept]:
        states = torch.from_numpy(rng.normal(size=(AT_ONCE, FRAMES, sortformer.ENCODER_WIDTH)))
        return [Kept(each.half(), active.clone()) for each in states]

    monkeypatch.setattr(kept, "keep", keep)


def test_many_conversations_need_few_files_and_only_the_head_learns(few_files: int) -> None:
    model = sortformer.build()
    before = {name: weights.clone() for name, weights in model.state_dict().items()}
    teach_head.teach(model, NOBODY, Schedule(2), first=few_files)
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
    calls: list[object] = []
    monkeypatch.setattr(teach_head, "teach", lambda *given: calls.append(given))
    teach_head.taught(one, NOBODY, file)
    teach_head.taught(other, NOBODY, file)
    assert len(calls) == 1
    both = zip(
        teach_head.parts(one).parameters(), teach_head.parts(other).parameters(), strict=True
    )
    assert all(torch.equal(*pair) for pair in both)
