"""Probabilities of one speaker -> intervals of speech, exactly as NeMo gives them.

NeMo (`ts_vad_post_processing` in `nemo.collections.asr.parts.utils.vad_utils`, after Gelly and
Gauvain, "Minimum Word Error Training of RNN-based Voice Activity Detection", Interspeech 2015)
repeats every model frame to 10 ms steps and walks through them one by one. Here the same states
come from prefix operations on whole arrays, in the number types NeMo uses: positions in float64,
stored and compared in float32. Then the rounding of `generate_diarization_output_lines`.
"""

import numpy as np
from numpy.typing import NDArray

from consumer.inference.postprocessing import PostProcessing

UNIT_S = 0.01  # NeMo's step, seconds

_Spans = NDArray[np.float32]  # shape (spans, 2): start and end in seconds, ordered by start


def intervals(
    probabilities: NDArray[np.float32], units: int, post: PostProcessing
) -> list[tuple[float, float]]:
    """Start and end in seconds, rounded to 10 ms, of every stretch of speech, ascending.

    `probabilities` has shape (frames,), float32; one frame is `units` steps of 10 ms. The ends are
    NeMo's: a segment still open at the last step ends 10 ms before the last frame does, and an end
    may lie past the audio.
    """
    spans = _merge(_binarize(probabilities, units, post))
    if len(spans) and post.min_duration_on > 0:
        spans = spans[spans[:, 1] - spans[:, 0] >= np.float32(post.min_duration_on)]
    if len(spans) and post.min_duration_off > 0:
        gaps = np.column_stack((spans[:-1, 1], spans[1:, 0]))
        short = gaps[gaps[:, 1] - gaps[:, 0] < np.float32(post.min_duration_off)]
        spans = _merge(np.concatenate((spans, short)))
    # Python's round, because numpy's scales by 100 first and errs on exact halves.
    rounded = [(round(start, 2), round(end, 2)) for start, end in spans.tolist()]
    return [(start, end) for start, end in rounded if start < end]


def _binarize(probabilities: NDArray[np.float32], units: int, post: PostProcessing) -> _Spans:
    """Spans of speech with padding, not merged."""
    frames = len(probabilities)
    if frames == 0:
        return np.empty((0, 2), np.float32)
    step = units
    if post.onset < post.offset:
        # A probability between the two switches on every second 10 ms step, so these matter.
        probabilities, step = np.repeat(probabilities, units), 1
    speaking = _hysteresis(
        probabilities > np.float32(post.onset), probabilities < np.float32(post.offset)
    )
    edges = np.diff(speaking.astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(edges == 1) * step, np.flatnonzero(edges == -1) * step
    if speaking[-1]:
        ends[-1] = frames * units - 1
    return np.column_stack(
        (np.maximum(0, starts * UNIT_S - post.pad_onset), ends * UNIT_S + post.pad_offset)
    ).astype(np.float32)


def _hysteresis(on: NDArray[np.bool_], off: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """State after each step, silent at first: `on` starts speech, `off` ends it, both toggle."""
    position = np.maximum.accumulate(np.where(on ^ off, np.arange(len(on)), -1))
    toggles = np.cumsum(on & off)
    settled = position >= 0
    base = np.where(settled, on[position], False)
    since: NDArray[np.intp] = toggles - np.where(settled, toggles[position], 0)
    return np.asarray(base ^ (since % 2 == 1))


def _merge(spans: _Spans) -> _Spans:
    """Join spans that touch or overlap, taking the last one's end, as NeMo does."""
    if len(spans) < 2:
        return spans
    spans = spans[_order(spans)]
    joined = spans[:-1, 1] >= spans[1:, 0]
    return np.column_stack((spans[np.append(True, ~joined), 0], spans[np.append(~joined, True), 1]))


def _order(spans: _Spans) -> NDArray[np.intp]:
    """Positions of the spans by start.

    Padding moves every start in the first moments of a chunk to 0. NeMo sorts with
    `torch.sort`, which is not stable (its kernels differ by processor), and the end of the joined
    span depends on the order of such ties: only the same call on the same numbers gives it.
    """
    if np.count_nonzero(spans[:, 0] == 0) > 1:
        import torch

        return np.asarray(torch.from_numpy(spans)[:, 0].sort()[1].numpy())
    return np.argsort(spans[:, 0])
