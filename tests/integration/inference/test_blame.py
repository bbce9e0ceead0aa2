"""How many points a clustering puts with another voice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.checkpoints.blame import around, confused


@settings(max_examples=20, deadline=None)
@given(voices=st.integers(2, 4), moved=st.integers(0, 8))
def test_points_of_voices_apart_are_confused_only_where_they_lie_with_another(
    voices: int, moved: int
) -> None:
    """Thirty points a voice, far from one another; some are called by another voice's name."""
    rng = np.random.default_rng(moved)
    who = np.repeat(np.arange(voices), 30)
    points = 5 * np.eye(4, 16)[who] + 0.1 * rng.normal(size=(len(who), 16))
    called = who.copy()
    called[:moved] = 1
    shuffled = rng.permutation(len(who))
    share = confused(np.asarray(points[shuffled], np.float32), called[shuffled], voices)
    assert share == pytest.approx(moved / len(who))


def test_a_row_is_the_mean_of_the_rows_around_it() -> None:
    """Fewer at the ends."""
    rows = np.arange(6, dtype=np.float32)[:, None]
    assert around(rows, 1)[:, 0].tolist() == [0.5, 1, 2, 3, 4, 4.5]
    assert np.array_equal(around(rows, 0), rows)
