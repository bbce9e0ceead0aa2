"""Averages of two diarizers' weights, and the choice among them, with real models."""

import pytest
import torch
from nemo.collections.asr.models import SortformerEncLabelModel

from deploy.checkpoints import export, sortformer, soup
from producer_tools import rttm
from producer_tools.evaluate.recordings import RecordingInMemory
from producer_tools.rttm import Turn
from tests.bench.sample import FOLDER, sample_meeting

SECONDS = 20


@pytest.fixture(scope="module")
def told() -> dict[str, list[RecordingInMemory]]:
    turns = tuple(
        Turn("m", turn.start_s, min(turn.duration_s, SECONDS - turn.start_s), turn.speaker)
        for turn in rttm.read((FOLDER / "meeting.rttm").read_text())
        if turn.start_s < SECONDS
    )
    return {"one": [RecordingInMemory("m", turns, sample_meeting()[: SECONDS * 16000])]}


def test_a_mixture_lies_between() -> None:
    torch.manual_seed(1)
    older, newer = sortformer.build(), sortformer.build()
    for share in (0.0, 0.25, 1.0):
        found = soup.mixed(older, newer, share)
        for old, new, mixed in zip(
            older.parameters(), newer.parameters(), found.parameters(), strict=True
        ):
            assert torch.allclose(mixed, (1 - share) * old + share * new, atol=1e-6)


@pytest.mark.parametrize("trained_is_newer", [True, False])
def test_the_better_one_is_chosen(
    told: dict[str, list[RecordingInMemory]], trained_is_newer: bool
) -> None:
    torch.manual_seed(1)
    trained, untrained = export.load_diarizer(), sortformer.build().eval()
    for weights in untrained.parameters():
        weights.data *= 4  # a little of it spoils what it is mixed with
    pair = (untrained, trained) if trained_is_newer else (trained, untrained)
    share, chosen = soup.best(*pair, told)
    assert share == (1.0 if trained_is_newer else 0.0)
    both = zip(trained.parameters(), chosen.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in both)


def test_models_of_two_shapes_are_compared_but_not_mixed(
    told: dict[str, list[RecordingInMemory]],
) -> None:
    torch.manual_seed(1)
    small = sortformer.configuration()
    small.encoder.n_layers = 4
    trained = export.load_diarizer()
    share, chosen = soup.best(trained, SortformerEncLabelModel(cfg=small).eval(), told)
    assert (share, chosen) == (0.0, trained)
