import pytest

from schemas import layout
from schemas.errors import MalformedEventError
from schemas.records import Segment


def test_who_puts_a_record_together_must_know_the_order_of_its_fields() -> None:
    segments = layout.within("ChunkResult", "segments")
    segments.must_be("speaker", "start_s", "end_s", "confidence", "overlap_ratio")
    with pytest.raises(ValueError, match="has the fields"):
        segments.must_be("speaker", "end_s", "start_s", "confidence", "overlap_ratio")


def test_a_value_that_does_not_fit_is_named() -> None:
    segment = Segment(speaker="Speaker_0", start_s=0.0, end_s="x", overlap_ratio=0.0)  # type: ignore[arg-type]
    with pytest.raises(MalformedEventError, match="Segment cannot be encoded: end_s"):
        layout.within("ChunkResult", "segments").encode(segment)
