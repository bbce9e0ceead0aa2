"""The features that both models are given, against NeMo's own: every bit of them."""

from collections.abc import Callable

import pytest
import torch

from consumer.inference.checkpoints import Checkpoint
from consumer.inference.features import MelFeatures
from consumer.inference.restore import restore


@pytest.mark.parametrize(
    ("kind", "name"),
    [("SortformerEncLabelModel", "compact"), ("SortformerEncLabelModel", "small")],
)
@pytest.mark.parametrize("lengths", [[320], [1281, 900], [48_000, 48_000, 9_000], [160_000]])
def test_every_bit_is_nemos(
    kind: str, name: str, lengths: list[int], built: Callable[[str], Checkpoint]
) -> None:
    theirs = restore(built(name).path, kind, "cpu").preprocessor.featurizer
    theirs.dither = 0.0
    assert MelFeatures.replaces(theirs)
    ours = MelFeatures(theirs)
    signal = 0.1 * torch.randn(
        (len(lengths), max(lengths)), generator=torch.Generator().manual_seed(1)
    )
    for row, length in zip(signal, lengths, strict=True):
        row[length:] = 0.0
    counts = torch.tensor(lengths)
    with torch.inference_mode():
        expected, expected_counts = theirs(signal.clone(), counts)
        found, found_counts = ours(signal.clone(), counts)
    assert torch.equal(found, expected)
    assert torch.equal(found_counts, expected_counts)
