"""Events as `speakerstream tail` shows them."""

from producer_tools.subscribe import Event
from producer_tools.tail import summary
from schemas.records import Record, SpeakerSegment
from tests.unit.tools.test_report import result, segment


def shown(record: Record) -> list[str]:
    return summary(Event("topic", 1, 7, "r", record)).splitlines()


def test_a_result_has_a_line_for_each_segment_and_marks_the_uncertain() -> None:
    # The threshold of `result` is 0.8; its chunk 1 begins 30 s into the recording.
    sure, unsure, unknown = segment(0, 0.5, 2, 0.8), segment(1, 2, 3, 0.79), segment(2, 3, 4, None)
    head, *rows = shown(result(1, (sure, unsure, unknown)))
    assert head == "topic[1]@7 r c1, seconds within the chunk:"
    assert [row.split() for row in rows] == [
        ["0.50", "2.00", "Speaker_0", "0.80"],
        ["2.00", "3.00", "Speaker_1?", "0.79"],
        ["3.00", "4.00", "Speaker_2?", "-"],
    ]
    assert len({row.index("Speaker_") for row in rows}) == 1


def test_silence_and_failure_take_one_line() -> None:
    assert shown(result(0)) == ["topic[1]@7 r c0 nobody speaks"]
    assert shown(result(0, reason="not_audio")) == ["topic[1]@7 r c0 failed: not_audio"]


def test_a_segment_of_its_own_says_which_times_it_has() -> None:
    event = SpeakerSegment(
        event_id="e",
        result_id="e",
        recording_id="r",
        chunk_id="c1",
        sequence=1,
        index=0,
        speaker="Speaker_0",
        start_s=0.5,
        end_s=2.0,
        overlap_ratio=0.0,
        recording_start_s=30.5,
        recording_end_s=32.0,
        model="d",
    )
    assert shown(event) == ["topic[1]@7 r c1 Speaker_0 30.50 to 32.00 s of the recording"]
