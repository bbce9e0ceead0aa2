"""What of a voice's speech the teacher hears."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deploy.checkpoints.corpus import Speech
from deploy.checkpoints.speech import SAMPLE_RATE
from deploy.checkpoints.tracks import SECONDS, shortened


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(1, 200)), min_size=1, max_size=40),
       st.integers(0, 50))  # fmt: skip
def test_consecutive_stretches_until_it_is_long_enough(
    pieces: list[tuple[int, int]], seed: int
) -> None:
    scale = SAMPLE_RATE // 20  # gaps and lengths in twentieths of a second
    ends = np.cumsum([(gap + length) * scale for gap, length in pieces])
    bounds = np.stack([ends - [length * scale for _, length in pieces], ends], 1)
    whole = Speech(
        np.random.default_rng(seed).integers(-9, 9, ends[-1]).astype(np.int16),
        bounds, np.arange(len(pieces)),
    )  # fmt: skip
    short = shortened(whole, seed)
    order = short.recording
    assert ((order[1:] - order[:-1]) % len(pieces) == 1 % len(pieces)).all()
    for place, index in enumerate(order):
        np.testing.assert_array_equal(short.stretch(place), whole.stretch(index))
    assert short.bounds[0, 0] == 0
    assert short.bounds[-1, 1] == len(short.samples)
    last = (short.bounds[-1, 1] - short.bounds[-1, 0]) / SAMPLE_RATE
    assert short.seconds == whole.seconds or short.seconds > SECONDS
    assert short.seconds - last <= SECONDS
