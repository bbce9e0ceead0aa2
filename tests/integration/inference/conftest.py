"""Checkpoints built once per run, and NeMo's own answers to compare with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from consumer.inference.checkpoints import Checkpoint, resolve
from consumer.inference.quiet import quiet
from tests.integration.inference import architectures as make


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """The machine is shared; two threads on a busy one are far slower than one."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Checkpoint]:
    """A checkpoint with random weights by name, saved when first asked for.

    `compact` is the package's own, trained. The published sizes are v1 (123M parameters), v2
    (streaming) and titanet (22M).
    """
    folder = tmp_path_factory.mktemp("checkpoints")
    makers: dict[str, Callable[[Path], Path]] = {
        "small": lambda path: make.save_sortformer(make.SMALL, path),
        "small-streaming": lambda path: make.save_sortformer(make.SMALL, path, streaming=True),
        "small-titanet": lambda path: make.save_titanet(make.SMALL_TITANET, path),
        "v1": lambda path: make.save_sortformer(make.PUBLISHED_V1, path),
        "v2": lambda path: make.save_sortformer(make.PUBLISHED_V2, path, streaming=True),
        "titanet": lambda path: make.save_titanet(make.PUBLISHED_TITANET, path),
    }

    def build(name: str) -> Checkpoint:
        if name == "compact":
            return resolve(name, "diarizer")
        path = folder / f"{name}.nemo"
        if not path.exists():
            with quiet():
                makers[name](path)
        return resolve(str(path), "embedder" if "titanet" in name else "diarizer")

    return build


def nemo_probabilities(model: Any, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """What `diarize()` gives for one waveform: shape (frames, speakers)."""
    _, tensors = model.diarize(
        [waveform], sample_rate=16000, include_tensor_outputs=True, verbose=False
    )
    probabilities: NDArray[np.float32] = tensors[0][0].numpy()
    return probabilities
