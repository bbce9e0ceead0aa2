"""Segments string for string against NeMo's own post-processing, over generated probabilities."""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from consumer.inference.postprocessing import PostProcessing
from consumer.inference.quiet import quiet
from consumer.inference.segments import nemo_lines, segments

Probabilities = NDArray[np.float32]

PUBLISHED = {
    "default": PostProcessing(),
    "v1 dihard3-dev": PostProcessing(0.64, 0.74, 0.06, 0.0, 0.1, 0.15),
    "v1 callhome-part1": PostProcessing(0.53, 0.49, 0.23, 0.01, 0.42, 0.34),
    "v2 dihard3-dev": PostProcessing(0.56, 1.0, 0.063, 0.002, 0.007, 0.151),
    "v2 callhome-part1": PostProcessing(0.641, 0.561, 0.229, 0.079, 0.511, 0.296),
}
SHORT, LONG = 2000, 50  # tensors
UNITS = 8

Nemo = Callable[[Probabilities, PostProcessing], list[str]]


@pytest.fixture(scope="module")
def nemo() -> Nemo:
    with quiet():
        from nemo.collections.asr.parts.utils.speaker_utils import (
            generate_diarization_output_lines,
        )
        from nemo.collections.asr.parts.utils.vad_utils import (
            PostProcessingParams,
            ts_vad_post_processing,
        )
    from omegaconf import OmegaConf

    def lines(probabilities: Probabilities, post: PostProcessing) -> list[str]:
        """As `SortformerEncLabelModel._diarize_output_processing` does it."""
        parameters: Any = OmegaConf.structured(PostProcessingParams(**asdict(post)))
        stamps = []
        for column in torch.from_numpy(probabilities).T:
            spans = ts_vad_post_processing(column, parameters, UNITS, False) + 0.0
            stamps.append([[round(start, 2), round(end, 2)] for start, end in spans.tolist()])
        made: list[str] = generate_diarization_output_lines(stamps, len(stamps))
        return made

    return lines


def generated(rng: np.random.Generator, frames: int) -> Probabilities:
    """Probabilities of four kinds: noise, turns, plateaus, and values on the thresholds."""
    shape = (frames, int(rng.integers(1, 5)))
    kind = rng.integers(4)
    if kind == 0:
        values = rng.random(shape)
    elif kind == 1:
        values = 1 / (1 + np.exp(-np.cumsum(rng.normal(size=shape), axis=0)))
    elif kind == 2:
        width = int(rng.integers(2, 12))
        values = np.repeat(rng.random((frames // width + 1, shape[1])), width, axis=0)[:frames]
    else:
        values = rng.choice([0.0, 0.49, 0.5, 0.53, 0.56, 0.561, 0.64, 0.641, 0.74, 1.0], shape)
    return values.astype(np.float32)


def differences(nemo: Nemo, lengths: NDArray[np.int_], seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    wrong = []
    for number, frames in enumerate(lengths):
        probabilities = generated(rng, int(frames))
        for name, post in PUBLISHED.items():
            if nemo_lines(probabilities, UNITS, post) != nemo(probabilities, post):
                wrong.append(f"tensor {number} ({frames} frames), {name}")
    return wrong


def short_lengths(count: int) -> NDArray[np.int_]:
    return np.random.default_rng(1).integers(1, 60, count)


def test_segments_equal_nemos(nemo: Nemo) -> None:
    assert differences(nemo, short_lengths(300), seed=2) == []
    assert differences(nemo, np.array([375, 1500]), seed=3) == []


@pytest.mark.parts
@pytest.mark.timeout(1800)
def test_segments_equal_nemos_over_the_whole_sample(nemo: Nemo) -> None:
    assert differences(nemo, short_lengths(SHORT), seed=4) == []
    lengths = np.random.default_rng(5).integers(1000, 4000, LONG)
    assert differences(nemo, lengths, seed=6) == []


def test_five_minutes_are_fifty_times_faster_than_nemos_loop(nemo: Nemo) -> None:
    rng = np.random.default_rng(7)
    walk = np.cumsum(rng.normal(size=(3750, 4)), axis=0)
    probabilities = (1 / (1 + np.exp(-walk))).astype(np.float32)
    post = PUBLISHED["default"]
    began = time.perf_counter()
    expected = nemo(probabilities, post)
    theirs = time.perf_counter() - began
    ours = []
    for _ in range(5):
        began = time.perf_counter()
        found = segments(probabilities, UNITS, post, 300.0)
        ours.append(time.perf_counter() - began)
    assert len(found) == len(expected) > 20
    assert theirs > 50 * min(ours)
