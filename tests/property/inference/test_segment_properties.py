"""What holds for any probabilities."""

import itertools
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from consumer.inference.fingerprints import LEAST_SPEECH_S, WINDOW_S, collect
from consumer.inference.postprocessing import PostProcessing
from consumer.inference.segments import nemo_lines, segments

probabilities = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 120), st.integers(1, 8)),
    elements=st.floats(0, 1, width=32),
)
shares = st.floats(0, 1)
seconds = st.floats(0, 1)
posts = st.builds(PostProcessing, shares, shares, seconds, seconds, seconds, seconds)


def literal(values: NDArray[np.float32], start: float, end: float, duration: float) -> float:
    """Confidence as it is defined, frame by frame."""
    frames = len(values)
    fps = frames / duration
    i = math.floor(start * fps)
    j = max(i + 1, math.ceil(end * fps))
    taken = [float(values[t]) for t in range(i, j) if t < frames]
    return sum(taken) / len(taken)


@settings(deadline=None)  # ties at the start of a chunk import torch
@given(probabilities, posts, st.floats(0.0, 0.079))
def test_segments_keep_their_promises(
    values: NDArray[np.float32], post: PostProcessing, cut: float
) -> None:
    duration = len(values) * 0.08 - cut
    found = segments(values, 8, post, duration)
    assert [(s.start_s, s.speaker) for s in found] == sorted((s.start_s, s.speaker) for s in found)
    for segment in found:
        assert 0 <= segment.start_s < segment.end_s <= duration
        assert 0 <= segment.overlap_ratio <= 1
        column = values[:, segment.speaker]
        expected = literal(column, segment.start_s, segment.end_s, duration)
        assert segment.confidence is not None
        assert abs(segment.confidence - expected) < 1e-9
    for speaker in {segment.speaker for segment in found}:
        own = [segment for segment in found if segment.speaker == speaker]
        assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(own))
    if len({segment.speaker for segment in found}) == 1:
        assert all(segment.overlap_ratio == 0 for segment in found)


@settings(deadline=None)  # ties at the start of a chunk import torch
@given(probabilities, posts)
def test_events_are_nemos_lines_clamped(values: NDArray[np.float32], post: PostProcessing) -> None:
    duration = len(values) * 0.08
    lines = [line.split() for line in nemo_lines(values, 8, post)]
    clamped = sorted(
        (float(start), min(float(end), duration), int(who.removeprefix("speaker_")))
        for start, end, who in lines
        if float(start) < duration
    )
    found = segments(values, 8, post, duration)
    assert sorted((s.start_s, s.end_s, s.speaker) for s in found) == clamped


@settings(deadline=None)  # ties at the start of a chunk import torch
@given(probabilities, posts, st.integers(0, 1279))
def test_speech_for_fingerprints(
    values: NDArray[np.float32], post: PostProcessing, cut: int
) -> None:
    samples = len(values) * 1280 - cut
    waveform = np.arange(samples, dtype=np.float32)
    found = segments(values, 8, post, samples / 16000)
    for speech in collect(waveform, values, found, post.onset, 0.08):
        assert speech.speech_s >= LEAST_SPEECH_S
        total, least = round(speech.speech_s * 16000), round(WINDOW_S * 16000)
        left_out = total - sum(map(len, speech.windows))
        assert 0 <= left_out < len(speech.windows)
        (length,) = {len(window) for window in speech.windows}
        assert min(total, least) <= length < 2 * least
        assert 0 <= speech.confidence <= 1
        own = [(s.start_s, s.end_s) for s in found if s.speaker == speech.speaker]
        for position in np.unique(np.concatenate(speech.windows)[::640] // 1280).astype(int):
            assert values[position, speech.speaker] > np.float32(post.onset)
            assert any(a - 0.08 <= position * 0.08 <= b for a, b in own)
            if speech.clean:
                assert (values[position] > np.float32(post.onset)).sum() == 1
