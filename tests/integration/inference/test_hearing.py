"""How well voices are told apart by a passage of each."""

import numpy as np
import pytest
import torch

from deploy.checkpoints import export, hearing
from deploy.checkpoints.blame import Floats


def _voices(apart: float, common: float = 0.0) -> list[Floats]:
    """Twenty passages each of three voices that have something in common."""
    rng = np.random.default_rng(0)
    shared = common * rng.normal(size=16)
    return [
        np.asarray(shared + apart * np.eye(3, 16)[voice] + rng.normal(size=(20, 16)), np.float32)
        for voice in range(3)
    ]


@pytest.mark.parametrize(("apart", "expected"), [(20.0, 0.0), (0.0, 0.5)])
def test_voices_apart_are_told_apart_and_the_same_are_not(apart: float, expected: float) -> None:
    assert hearing.error(_voices(apart)) == pytest.approx(expected, abs=0.06)


def test_what_all_voices_have_in_common_says_nothing() -> None:
    alone, beside = (hearing.error(_voices(3.0, common)) for common in (0.0, 5.0))
    assert 0.05 < alone < 0.4
    assert beside == pytest.approx(alone, abs=1e-3)


def test_a_louder_passage_has_the_same_states() -> None:
    torch.manual_seed(0)
    passage = torch.randn(1, 16_000).numpy() * np.float32(0.1)
    model = export.load_diarizer()
    quiet, loud = hearing.states(model, passage), hearing.states(model, 3 * passage)
    assert quiet.shape == (1, model.cfg.encoder.d_model)
    np.testing.assert_allclose(quiet, loud, atol=0.02)
