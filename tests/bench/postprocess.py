"""Segments and confidence against NeMo's own post-processing of the same probabilities."""

from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from consumer.inference.postprocessing import PostProcessing
from consumer.inference.quiet import quiet
from consumer.inference.segments import nemo_lines, segments
from tests.bench.measure import Say, interleaved, ratio

_SECONDS = 300
_UNITS = 8  # steps of 10 ms in a frame of 80 ms


def against_nemo(rounds: int, say: Say) -> dict[str, Any]:
    """Ours, confidence and overlap included, against NeMo's lines alone; the lines are equal."""
    with quiet():
        from nemo.collections.asr.parts.utils.speaker_utils import (
            generate_diarization_output_lines,
        )
        from nemo.collections.asr.parts.utils.vad_utils import (
            PostProcessingParams,
            ts_vad_post_processing,
        )
    from omegaconf import OmegaConf

    post = PostProcessing()
    parameters: Any = OmegaConf.structured(PostProcessingParams(**asdict(post)))
    walk = np.cumsum(np.random.default_rng(7).normal(size=(_SECONDS * 100 // _UNITS, 4)), axis=0)
    probabilities = (1 / (1 + np.exp(-walk))).astype(np.float32)

    def theirs() -> list[str]:
        stamps = []
        for column in torch.from_numpy(probabilities).T:
            spans = ts_vad_post_processing(column, parameters, _UNITS, False) + 0.0
            stamps.append([[round(start, 2), round(end, 2)] for start, end in spans.tolist()])
        lines: list[str] = generate_diarization_output_lines(stamps, len(stamps))
        return lines

    timings = interleaved(
        {
            "NeMo's post-processing": theirs,
            "segments and confidence": lambda: segments(
                probabilities, _UNITS, post, float(_SECONDS)
            ),
        },
        rounds,
        say,
    )
    lines = theirs()
    return {
        **ratio(timings["NeMo's post-processing"], timings["segments and confidence"]),
        "same_answer": lines == nemo_lines(probabilities, _UNITS, post),
        "segments": len(lines),
        "seconds_per_run": {name: timing.summary() for name, timing in timings.items()},
    }
