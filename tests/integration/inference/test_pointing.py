"""Where the encoder's states should point: at what the teacher hears in the very same frame."""

import numpy as np
import torch

from deploy.checkpoints import joint, sortformer
from deploy.checkpoints.conversations import Conversation
from deploy.checkpoints.corpus import Speech
from deploy.checkpoints.rehearsal import SILENCE
from deploy.checkpoints.sessions import Span, fill
from deploy.checkpoints.teacher import FRAME
from deploy.checkpoints.turns import Manner, Turn


def test_each_frame_points_where_its_speech_was_heard_to_point() -> None:
    generator = torch.Generator().manual_seed(1)
    heard = [
        torch.randn(length, sortformer.ENCODER_WIDTH, generator=generator) for length in (9, 5)
    ]
    spans = [Span(0, 0, 4 * FRAME, 3 * FRAME), Span(1, 2 * FRAME, 5 * FRAME, FRAME)]
    spoken = Conversation(np.zeros(8 * FRAME, np.float32), spans, [1, 0])
    states = joint.collate(sortformer.build(), [spoken], heard).states[0]
    assert torch.equal(states[0], heard[1][3])
    assert torch.equal(states[1], heard[1][4])
    assert torch.equal(states[2], heard[1][4] + heard[0][1])  # past the end: the last frame
    assert torch.equal(states[4], heard[0][3])
    silence = torch.zeros(sortformer.ENCODER_WIDTH)
    silence[SILENCE] = 1
    assert torch.equal(states[5:], silence.expand(len(states) - 5, -1))


def test_a_span_knows_where_its_speech_comes_from() -> None:
    rng = np.random.default_rng(3)
    voices = [_speech(rng), _speech(rng)]
    turns = [Turn(0, 0.1, 1.2), Turn(1, 0.8, 1.5), Turn(0, 2.0, 1.7)]
    tracks, spans = fill(rng, turns, voices, Manner(), 4 * 16_000)
    assert len(spans) > len(turns)
    for span in spans:
        length = span.end - span.start - 160  # the end may be faded out
        own = voices[span.speaker].samples[span.source : span.source + length] / 32768
        np.testing.assert_array_equal(
            tracks[span.speaker][span.start : span.start + length], own.astype(np.float32)
        )


def _speech(rng: np.random.Generator) -> Speech:
    ends = np.cumsum(rng.integers(4_000, 9_000, 6))
    bounds = np.stack([np.concatenate(([0], ends[:-1])) + 50, ends], 1)
    samples = rng.integers(-3000, 3000, ends[-1]).astype(np.int16)
    return Speech(samples, bounds, np.zeros(6, np.int64))
