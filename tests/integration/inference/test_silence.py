"""The shipped diarizer names nobody where nobody speaks.

What it hears is relative to a recording's own level: the faintest hiss is as loud to it as speech.
"""

import numpy as np
import pytest

from consumer.inference.checkpoints import COMPACT
from consumer.inference.engine import SortformerEngine, create
from consumer.inference.options import EngineOptions
from consumer.inference.results import SAMPLE_RATE, Analysis

SECONDS = (1.0, 10.0, 30.0)


@pytest.fixture(scope="module")
def engine() -> SortformerEngine:
    return create(EngineOptions(COMPACT, COMPACT, device="cpu", precision="fp32", threads=1))


@pytest.mark.parametrize(
    "level", [0.0, 1 / 32768, 1e-3, 0.1], ids=["muted", "one step", "-60 dB", "loud"]
)
def test_nobody_speaks_in_noise(engine: SortformerEngine, level: float) -> None:
    rng = np.random.default_rng(0)
    noises = [
        np.rint(rng.normal(size=round(s * SAMPLE_RATE)) * level * 32768) / 32768 for s in SECONDS
    ]
    for found in engine.analyze([noise.astype(np.float32) for noise in noises]):
        assert isinstance(found, Analysis)
        assert found.segments == ()
        assert found.fingerprints == ()
