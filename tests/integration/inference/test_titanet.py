"""Embeddings of windows against TitaNet's own forward on each window alone."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from consumer.inference.checkpoints import Checkpoint, resolve
from consumer.inference.jasper import Jasper
from consumer.inference.restore import restore
from consumer.inference.titanet import TitaNet
from tests.integration.inference.architectures import speechlike

TOLERANCE = 1e-5  # of a component of a unit vector
LEAST_COSINE = 0.999  # of an embedding in bf16 to the same one in fp32


def unit(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    return embedding / np.linalg.norm(embedding)


@pytest.mark.parametrize(
    ("name", "rewritten"), [("small-titanet", True), ("small-titanet", False), ("titanet", True)]
)
def test_windows_equal_titanets_own_forward(
    built: Callable[[str], Checkpoint],
    name: str,
    rewritten: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoint = built(name)
    if not rewritten:  # as on a GPU: NeMo's own encoder, its normalisations folded in
        monkeypatch.setattr(Jasper, "replaces", lambda _: False)
    nemo = restore(checkpoint.path, "EncDecSpeakerLabelModel", "cpu")
    ours = TitaNet(checkpoint, "cpu", bf16=False)
    kinds = [(3.0, 0.1), (0.5, 0.001), (3.0, 2.0), (1.37, 0.1)]  # seconds, level
    windows = [speechlike(s, seed=seed, level=level) for seed, (s, level) in enumerate(kinds)]
    with torch.inference_mode():
        expected = [
            nemo.forward(
                input_signal=torch.from_numpy(window)[None],
                input_signal_length=torch.tensor([len(window)]),
            )[1][0].numpy()
            for window in windows
        ]
    alone = [ours.embed([window])[0] for window in windows]
    together = ours.embed(windows)
    for truth, single, mated in zip(expected, alone, together, strict=True):
        assert truth.shape == (192,)
        assert np.abs(unit(single) - unit(truth)).max() <= TOLERANCE
        assert np.abs(unit(mated) - unit(single)).max() <= TOLERANCE
    assert unit(expected[0]) @ unit(expected[3]) < 0.9  # else any two windows would be equal


@pytest.mark.parametrize("name", ["small-titanet", "titanet", "compact"])
def test_bf16_hardly_moves_an_embedding(built: Callable[[str], Checkpoint], name: str) -> None:
    checkpoint = resolve(name, "embedder") if name == "compact" else built(name)
    exact = TitaNet(checkpoint, "cpu", bf16=False)
    fast = TitaNet(checkpoint, "cpu", bf16=True)
    windows = [speechlike(s, seed=seed) for seed, s in enumerate((3.0, 0.5, 1.37))]
    truth = [unit(exact.embed([window])[0]) for window in windows]
    alone = [unit(fast.embed([window])[0]) for window in windows]
    together = [unit(embedding) for embedding in fast.embed(windows)]
    for expected, single, mated in zip(truth, alone, together, strict=True):
        assert single @ expected >= LEAST_COSINE
        assert mated @ expected >= LEAST_COSINE
        assert not np.array_equal(single, expected)  # else bf16 was not on
