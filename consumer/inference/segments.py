"""Probabilities of a chunk -> segments with confidence and overlap."""

import math

import numpy as np
from numpy.typing import NDArray

from consumer.inference.intervals import intervals
from consumer.inference.postprocessing import PostProcessing
from consumer.inference.results import Segment

Probabilities = NDArray[np.float32]
"""Speaker activity, shape (frames, speakers), float32, 0..1."""


def nemo_lines(probabilities: Probabilities, units: int, post: PostProcessing) -> list[str]:
    """What NeMo's `diarize()` returns for these probabilities: "start end speaker_k" per line.

    Grouped by speaker, seconds with three decimals, ends not clamped to the audio. `units` is the
    number of 10 ms steps in a frame.
    """
    return [
        f"{start:.3f} {end:.3f} speaker_{speaker}"
        for speaker in range(probabilities.shape[1])
        for start, end in intervals(probabilities[:, speaker], units, post)
    ]


def segments(
    probabilities: Probabilities, units: int, post: PostProcessing, duration_s: float
) -> tuple[Segment, ...]:
    """Segments by start, then speaker, clamped to [0, `duration_s`]; empty ones are dropped.

    `probabilities` are the chunk's own frames, without padding; `units` is the number of 10 ms
    steps in a frame.
    """
    spans = [
        (start, min(end, duration_s), speaker)
        for speaker in range(probabilities.shape[1])
        for start, end in intervals(probabilities[:, speaker], units, post)
        if start < duration_s
    ]
    spans.sort(key=lambda span: (span[0], span[2]))
    active = activity(spans, probabilities.shape, duration_s)
    speakers_active = active.sum(axis=1)
    found = []
    for start, end, speaker in spans:
        inside = _frames_at(start, end, len(active), duration_s)
        others = speakers_active[inside] > active[inside, speaker]
        found.append(
            Segment(
                speaker=speaker,
                start_s=start,
                end_s=end,
                confidence=confidence(probabilities[:, speaker], start, end, duration_s),
                overlap_ratio=float(others.mean()),
            )
        )
    return tuple(found)


def confidence(
    probabilities: NDArray[np.float32], start_s: float, end_s: float, duration_s: float
) -> float | None:
    """Mean probability of a segment's speaker over the segment's frames.

    `probabilities` has shape (frames,): the speaker's column, the chunk's own frames T. With
    fps = T / duration_s the frames are i = floor(start_s * fps) to j = max(i + 1,
    ceil(end_s * fps)), clamped to T, j not included. None where no such mean exists.
    """
    frames = len(probabilities)
    if frames == 0 or not duration_s > 0 or not 0 <= start_s <= end_s < math.inf:
        return None
    fps = frames / duration_s
    first = min(math.floor(start_s * fps), frames - 1)
    last = min(max(first + 1, math.ceil(end_s * fps)), frames)
    mean = float(np.mean(probabilities[first:last], dtype=np.float64))
    return mean if 0 <= mean <= 1 else None


def activity(
    spans: list[tuple[float, float, int]], shape: tuple[int, ...], duration_s: float
) -> NDArray[np.bool_]:
    """Which speakers have a span at which frames: shape (frames, speakers).

    `spans` are (start_s, end_s, speaker). A frame belongs to a span when its middle does: frame
    edges would make neighbours overlap by a rounding error.
    """
    active = np.zeros(shape, np.bool_)
    for start, end, speaker in spans:
        active[_frames_at(start, end, shape[0], duration_s), speaker] = True
    return active


def _frames_at(start_s: float, end_s: float, frames: int, duration_s: float) -> slice:
    """Frames whose middle lies in the span; the one at its start when there is none."""
    fps = frames / duration_s
    first, last = math.ceil(start_s * fps - 0.5), math.ceil(end_s * fps - 0.5)
    if first >= last:
        first = min(math.floor(start_s * fps), frames - 1)
        last = first + 1
    return slice(first, last)
