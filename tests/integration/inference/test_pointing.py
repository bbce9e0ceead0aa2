"""What the encoder should hear: what the teacher hears in the very same frame."""

import numpy as np
import torch

from deploy.checkpoints import voices
from deploy.checkpoints.batches import SILENCE, heard, projection
from deploy.checkpoints.conversations import Conversation
from deploy.checkpoints.corpus import Speech
from deploy.checkpoints.pool import UNCHANGED, PoolVoice
from deploy.checkpoints.sessions import Span, fill
from deploy.checkpoints.sortformer import ENCODER_WIDTH
from deploy.checkpoints.teacher import DIMENSIONS, FRAME
from deploy.checkpoints.tracks import DEEP
from deploy.checkpoints.turns import Manner, Turn

COUNT = 8


def test_each_frame_hears_what_its_speech_was_heard_as() -> None:
    rng = np.random.default_rng(1)
    pool = [_voice(rng, frames) for frames in (9, 5)]
    spans = [Span(0, 0, 4 * FRAME, 3 * FRAME), Span(1, 2 * FRAME, 5 * FRAME, FRAME)]
    spoken = Conversation(np.zeros(COUNT * FRAME, np.float32), spans, [1, 0])
    states, deep = heard(spoken, pool, COUNT, projection())
    for found, (first, second) in (
        (states @ torch.from_numpy(projection()).T, [voice.local for voice in pool]),
        (deep, [voice.deep for voice in pool]),
    ):
        assert first is not None
        assert second is not None
        known, last = (torch.from_numpy(part.astype(np.float32)) for part in (first, second))
        if found.shape[1] == DIMENSIONS:  # the states have fewer coordinates than the teacher
            back = torch.from_numpy(projection() @ projection().T)
            known, last = known @ back, last @ back
        assert torch.allclose(found[0], last[3], atol=1e-5)
        assert torch.allclose(found[1], last[4], atol=1e-5)
        assert torch.allclose(found[2], last[4] + known[1], atol=1e-5), "past the end: the last"
        assert torch.allclose(found[4], known[3], atol=1e-5)
        assert not found[5:].any()
    silence = torch.zeros(ENCODER_WIDTH)
    silence[SILENCE] = 1
    assert torch.equal(states[5:], silence.expand(COUNT - 5, -1))
    assert not states[:5, SILENCE].any()


def _voice(rng: np.random.Generator, frames: int) -> PoolVoice:
    local, deep = (
        rng.normal(size=(frames, width)).astype(np.float16) for width in (DIMENSIONS, DEEP)
    )
    return PoolVoice(voices.read()[0], UNCHANGED, _speech(rng), local, deep)


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
