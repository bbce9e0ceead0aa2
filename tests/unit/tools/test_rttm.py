"""RTTM in and out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer_tools import rttm
from producer_tools.rttm import Turn


def test_the_confidence_is_the_ninth_field() -> None:
    turns = [Turn("m", 1.5, 2.0, "Voice_1", 0.9125), Turn("m", 0.25, 1.0, "B B")]
    assert rttm.write(turns) == (
        "SPEAKER m 1 0.250 1.000 <NA> <NA> B_B <NA> <NA>\n"
        "SPEAKER m 1 1.500 2.000 <NA> <NA> Voice_1 0.912 <NA>\n"
    )


def test_other_lines_are_skipped_and_short_ones_read() -> None:
    text = ";; comment\n\nSPKR-INFO m 1 <NA>\nSPEAKER m 1 0.5 1 <NA> <NA> a <NA>\n"
    assert rttm.read(text) == [Turn("m", 0.5, 1.0, "a")]


@pytest.mark.parametrize(
    "line",
    [
        "SPEAKER m 1 x 1 <NA> <NA> a <NA> <NA>",
        "SPEAKER m",
        "SPEAKER m 1 nan 1 <NA> <NA> a <NA> <NA>",
        "SPEAKER m 1 0 inf <NA> <NA> a <NA> <NA>",
        "SPEAKER m 1 0 -1 <NA> <NA> a <NA> <NA>",
    ],
)
def test_a_broken_line_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="line 2"):
        rttm.read(f";;\n{line}\n")


def test_no_turn_is_written_without_a_length() -> None:
    assert [turn.duration_s for turn in rttm.read(rttm.write([Turn("m", 0.0, 6e-5, "a")]))] == [
        0.001
    ]


milliseconds = st.integers(0, 10**7).map(lambda ms: ms / 1000)
words = st.text("abcXYZ_-09é", min_size=1, max_size=8)


@given(
    st.lists(
        st.builds(
            Turn,
            words,
            milliseconds,
            st.integers(1, 10**7).map(lambda ms: ms / 1000),
            words,
            st.none() | st.integers(0, 1000).map(lambda n: n / 1000),
        )
    )
)
def test_round_trip(turns: list[Turn]) -> None:
    def order(turn: Turn) -> tuple[object, ...]:
        return (turn.recording, turn.start_s, turn.speaker, turn.duration_s, str(turn.confidence))

    assert sorted(rttm.read(rttm.write(turns)), key=order) == sorted(turns, key=order)
