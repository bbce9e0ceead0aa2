"""What the report says, worked out by hand; and that its page is one safe file."""

import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer_tools.report.command import write
from producer_tools.report.content import content
from producer_tools.report.events import Events, read_events
from producer_tools.report.intervals import at_least, length
from producer_tools.report.page import page
from producer_tools.rttm import Turn
from producer_tools.subscribe import Event
from schemas.records import ChunkResult, Fingerprint, Models, Segment, Source, Thresholds

NOW = datetime(2026, 1, 1, tzinfo=UTC)
X, Y = (1.0, 0.0), (0.0, 1.0)


def segment(speaker: int, start: float, end: float, confidence: float | None = 0.9) -> Segment:
    return Segment(
        speaker=f"Speaker_{speaker}",
        start_s=start,
        end_s=end,
        confidence=confidence,
        overlap_ratio=0.0,
    )


def voice(speaker: int, embedding: tuple[float, ...], speech_s: float = 3.0) -> Fingerprint:
    return Fingerprint(
        speaker=f"Speaker_{speaker}", embedding=embedding, speech_s=speech_s, clean=True, norm=1.0
    )


def result(
    chunk: int,
    segments: tuple[Segment, ...] = (),
    fingerprints: tuple[Fingerprint, ...] = (),
    *,
    reason: str | None = None,
    chunk_id: str | None = None,
    age: int = 0,
    recording: str = "r",
    last: bool = False,
) -> ChunkResult:
    return ChunkResult(
        event_id=f"{chunk}-{age}",
        result_id=f"{chunk}-{age}",
        recording_id=recording,
        chunk_id=f"c{chunk}" if chunk_id is None else chunk_id,
        sequence=chunk,
        start_s=max(30.0 * chunk, 0.0),
        last=last,
        status="failed" if reason else "diarized",
        reason=reason,
        attempts=1,
        duration_s=None if reason else 30.0,
        segments=segments,
        fingerprints=fingerprints,
        models=Models(diarization="d", embedding="e"),
        thresholds=Thresholds(same_voice_cosine=0.5, uncertain_confidence=0.8),
        source=Source(topic="in", partition=2, offset=age),
        processed_at=NOW + timedelta(seconds=age),
    )


def test_the_same_voice_shares_a_lane_on_the_recordings_axis() -> None:
    (recording,) = content(
        [
            result(1, (segment(1, 2, 4),), (voice(1, X),), last=True),
            result(0, (segment(0, 1, 3), segment(1, 2, 5)), (voice(0, X), voice(1, Y))),
        ],
        {},
    )["recordings"]
    assert [(s["lane"], s["begin"], s["end"]) for s in recording["segments"]] == [
        ("Voice_0", 1, 3),
        ("Voice_1", 2, 5),
        ("Voice_0", 32, 34),
    ]
    assert recording["overlap"] == [(2, 3)]
    assert (recording["speech"], recording["overlapped"], recording["duration"]) == (6, 1, 60)
    assert [(lane["name"], lane["speech"], lane["turns"]) for lane in recording["lanes"]] == [
        ("Voice_0", 4, 2),
        ("Voice_1", 3, 1),
    ]
    assert recording["similarity"]["rows"] == [[], [1.0], [0.0, 0.0]]
    assert recording["complete"]


def test_uncertain_is_under_the_threshold_or_unknown() -> None:
    segments = (segment(0, 0, 1, 0.8), segment(0, 1, 3, 0.7), segment(0, 3, 4, None))
    (recording,) = content([result(0, segments, (voice(0, X),))], {})["recordings"]
    assert [s["uncertain"] for s in recording["segments"]] == [False, True, True]
    assert recording["lanes"][0]["uncertain"] == 2
    assert recording["lanes"][0]["confidence"] == round((0.8 + 2 * 0.7) / 3, 3)


def test_who_has_no_fingerprint_has_a_lane_after_the_voices() -> None:
    (recording,) = content([result(0, (segment(0, 0, 1), segment(1, 1, 2)), (voice(1, X),))], {})[
        "recordings"
    ]
    assert [(lane["name"], lane["linked"]) for lane in recording["lanes"]] == [
        ("Voice_0", True),
        ("Speaker_0 (not linked)", False),
    ]


def test_confidences_are_judged_by_labels_local_to_a_chunk() -> None:
    reference = {"r": [Turn("r", 0, 10, "Ann"), Turn("r", 30, 10, "Ben")]}
    same_label = [result(chunk, (segment(0, 0, 10, 0.9),)) for chunk in (0, 1)]
    (recording,) = content(same_label, {}, reference)["recordings"]
    assert recording["calibration"] == {
        "bins": [{"count": 2, "confidence": 0.9, "right": 1.0}],
        "error": pytest.approx(0.1),
    }


def test_failed_missing_and_superseded_chunks() -> None:
    (recording,) = content(
        [
            result(2, reason="truncated_audio", age=7),
            result(3, (segment(0, 0, 1),), age=1),
            result(3, age=2),  # newer: the segment is gone
            result(7, age=3),
        ],
        {},
    )["recordings"]
    assert recording["segments"] == []
    assert recording["missing"] == ["0 to 1", "4 to 6"]
    assert recording["silent"] == 2
    assert not recording["complete"]
    assert [(f["reason"], f["source"]) for f in recording["failed"]] == [
        ("truncated_audio", "in[2]@7")
    ]
    # Nobody knows how long the failed chunk was: it reaches to the next.
    assert [(c["begin"], c["end"]) for c in recording["chunks"]][:2] == [(60, 90), (90, 120)]


def test_every_unreadable_event_is_a_failure_of_its_own() -> None:
    unreadable = [result(-1, reason="malformed_event", chunk_id="", age=age) for age in range(3)]
    (recording,) = content(unreadable, {})["recordings"]
    assert len(recording["failed"]) == 3


def test_nothing_to_report_and_audio_of_nobody_are_errors() -> None:
    with pytest.raises(ValueError, match="nothing to report"):
        content([], {})
    with pytest.raises(ValueError, match="other"):
        content([result(0)], {"other": "a.wav"})


def test_the_page_holds_data_not_markup_and_no_fingerprint(tmp_path: Path) -> None:
    name = "</script><img src=x onerror=alert(1)>&\u2028"
    embedding = (0.6, 0.8)
    made = content([result(0, (segment(0, 0, 1),), (voice(0, embedding),), recording=name)], {})
    html = page(made)
    assert "<img" not in html
    assert "\u2028" not in html
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    assert json.loads(block)["recordings"][0]["name"] == name
    assert "0.6," not in block
    assert "embedding" not in block
    assert not re.findall(r'(?:src|href)="', html), "the page refers to something outside"


def test_a_page_from_the_lines_that_tail_and_demo_write(tmp_path: Path) -> None:
    wanted = result(0, (segment(0, 0, 1),), (voice(0, X),), last=True)
    event = Event("chunk-results", 0, 5, "r", wanted)
    lines = tmp_path / "events.jsonl"
    lines.write_text(f"{event.to_json()}\n\n" + '{"type": "SpeakerSegment", "value": {}}\n')
    assert read_events(lines).results == [wanted]
    (tmp_path / "a b.wav").write_bytes(b"RIFF")
    audio = {"r": tmp_path / "a b.wav"}
    write(Events([wanted]), tmp_path / "linked.html", audio, link_audio=True)
    assert '"audio":"a%20b.wav"' in (tmp_path / "linked.html").read_text()
    write(Events([wanted]), tmp_path / "embedded.html", audio)
    assert re.search(
        '"audio":"data:audio/[a-z-]+;base64,UklGRg=="', (tmp_path / "embedded.html").read_text()
    )

    lines.write_text(f"{event.to_json()}\nno event\n")
    with pytest.raises(ValueError, match="line 2"):
        read_events(lines)


spans = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted), max_size=8)


@given(spans, st.integers(1, 4))
def test_overlap_by_definition(found: list[list[int]], count: int) -> None:
    """Against counting the intervals over each unit of time."""
    covered = at_least([(float(a), float(b)) for a, b in found], count)
    for unit in range(20):
        depth = sum(a <= unit < b for a, b in found)
        assert (depth >= count) == any(a <= unit < b for a, b in covered)
    assert all(one[1] < two[0] for one, two in itertools.pairwise(covered))
    assert length(covered) == sum(sum(a <= u < b for a, b in found) >= count for u in range(20))
