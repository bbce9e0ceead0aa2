"""What the page shows, as plain values: everything is worked out here, the page only draws."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from producer_tools.calibration import bins, expected_error, judge
from producer_tools.linking import Voices, link, newest
from producer_tools.meeting import local_turns
from producer_tools.report.intervals import at_least, length
from producer_tools.report.similarity import similarity
from producer_tools.rttm import Turn
from schemas.records import ChunkResult, Segment

Audio = Mapping[str, str]
"""By recording: the URL (also `data:`) of what can be played."""

References = Mapping[str, Sequence[Turn]]
"""By recording: who really spoke."""


def content(
    results: Iterable[ChunkResult],
    audio: Audio,
    references: References | None = None,
    letters: Iterable[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """The page's data: recordings with lanes, segments, chunks, failures and numbers.

    The newest result of each chunk counts. All values are JSON's own; times are seconds on the
    recording's axis, rounded to milliseconds.

    Args:
        results: of any number of recordings.
        audio: what can be played.
        references: for the calibration plot.
        letters: dead letters, as `producer_tools.dead_letters.DeadLetter.facts`.

    Raises:
        ValueError: there is no ChunkResult, audio or a reference is of a recording without one,
            or fingerprints came without a threshold.
    """
    valid = sorted(newest(results), key=lambda r: (r.recording_id, r.start_s, r.sequence))
    if not valid:
        raise ValueError("no ChunkResult among the events: nothing to report")
    said = references or {}
    for what, given in (("audio", audio), ("a reference", said)):
        if unknown := sorted(given.keys() - {result.recording_id for result in valid}):
            raise ValueError(f"{what} is given for {', '.join(unknown)}, but no result is about it")
    recordings: dict[str, list[ChunkResult]] = defaultdict(list)
    for result in valid:
        recordings[result.recording_id].append(result)
    voices = link(valid)
    return {
        "recordings": [
            {
                **_recording(name, chunks, voices, audio.get(name)),
                "calibration": _calibration(chunks, said[name]) if name in said else None,
            }
            for name, chunks in recordings.items()
        ],
        "letters": sorted(letters, key=lambda letter: letter["written"]),
    }


def _calibration(chunks: Sequence[ChunkResult], reference: Sequence[Turn]) -> dict[str, Any]:
    # Labels are local to a chunk: each is matched anew.
    found = bins([one for chunk in chunks for one in judge(local_turns(chunk), reference)])
    error = expected_error(found)
    return {
        "bins": [
            {"count": b.count, "confidence": round(b.confidence, 3), "right": round(b.right, 3)}
            for b in found
        ],
        "error": None if error is None else round(error, 3),
    }


def _recording(
    name: str, chunks: Sequence[ChunkResult], voices: Voices, audio: str | None
) -> dict[str, Any]:
    segments = [_segment(chunk, segment, voices) for chunk in chunks for segment in chunk.segments]
    segments.sort(key=lambda segment: (segment["begin"], segment["lane"]))
    spans = [(segment["begin"], segment["end"]) for segment in segments]
    shown = _spans(chunks)
    return {
        "name": name,
        "audio": audio,
        "duration": max((chunk["end"] for chunk in shown), default=0.0),
        "lanes": [_lane(lane, segments) for lane in _lane_names(segments)],
        "segments": segments,
        "overlap": at_least(spans, 2),
        "chunks": shown,
        "failed": [_failure(chunk) for chunk in chunks if chunk.status != "diarized"],
        "missing": _missing(chunks),
        "complete": any(chunk.last for chunk in chunks),
        "silent": sum(c.status == "diarized" and not c.segments for c in chunks),
        "speech": round(length(at_least(spans, 1)), 3),
        "overlapped": round(length(at_least(spans, 2)), 3),
        "similarity": similarity(chunks, voices),
        "models": sorted({f"{c.models.diarization} and {c.models.embedding}" for c in chunks}),
        "same_voice_cosine": chunks[-1].thresholds.same_voice_cosine,
        "uncertain_confidence": chunks[-1].thresholds.uncertain_confidence,
    }


def _segment(chunk: ChunkResult, segment: Segment, voices: Voices) -> dict[str, Any]:
    voice = voices.of(chunk.recording_id, chunk.chunk_id, segment.speaker)
    limit = chunk.thresholds.uncertain_confidence
    confidence = segment.confidence
    return {
        "lane": voice or f"{segment.speaker} (not linked)",
        "linked": voice is not None,
        "speaker": segment.speaker,
        "chunk": chunk.sequence,
        "begin": round(chunk.start_s + segment.start_s, 3),
        "end": round(chunk.start_s + segment.end_s, 3),
        "confidence": None if confidence is None else round(confidence, 3),
        "uncertain": limit is not None and (confidence is None or confidence < limit),
        "overlap": round(segment.overlap_ratio, 3),
    }


def _lane_names(segments: Sequence[Mapping[str, Any]]) -> list[str]:
    """Voices by number, then who could not be linked."""

    def place(lane: str) -> tuple[bool, int, str]:
        number = lane.rpartition("_")[2]
        return lane not in linked, int(number) if number.isdigit() else 0, lane

    linked = {segment["lane"] for segment in segments if segment["linked"]}
    return sorted({segment["lane"] for segment in segments}, key=place)


def _lane(name: str, segments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    mine = [segment for segment in segments if segment["lane"] == name]
    spoken = at_least(((s["begin"], s["end"]) for s in mine), 1)
    known = [s for s in mine if s["confidence"] is not None]
    weight = sum(s["end"] - s["begin"] for s in known)
    mean = sum(s["confidence"] * (s["end"] - s["begin"]) for s in known)
    return {
        "name": name,
        "linked": mine[0]["linked"],
        "speech": round(length(spoken), 3),
        "turns": len(mine),
        "uncertain": sum(s["uncertain"] for s in mine),
        "confidence": round(mean / weight, 3) if weight else None,
    }


def _spans(chunks: Sequence[ChunkResult]) -> list[dict[str, Any]]:
    """Where each chunk lies. A failed one has no duration: it reaches to the next one's begin."""
    spans = []
    for place, chunk in enumerate(chunks):
        end = chunk.start_s + (chunk.duration_s or 0.0)
        if chunk.duration_s is None and place + 1 < len(chunks):
            end = max(end, chunks[place + 1].start_s)
        spans.append(
            {
                "number": chunk.sequence,
                "begin": round(chunk.start_s, 3),
                "end": round(end, 3),
                "status": chunk.status,
            }
        )
    return spans


def _missing(chunks: Sequence[ChunkResult]) -> list[str]:
    """Numbers from 0 that lie before or between those that came, as `3` or `5 to 7`."""
    came = sorted({chunk.sequence for chunk in chunks if chunk.sequence >= 0})
    gaps = [(one + 1, two - 1) for one, two in pairwise((-1, *came)) if two - one > 1]
    return [f"{first}" if first == last else f"{first} to {last}" for first, last in gaps]


def _failure(chunk: ChunkResult) -> dict[str, Any]:
    return {
        "chunk": chunk.sequence,
        "id": chunk.chunk_id,
        "begin": round(chunk.start_s, 3),
        "reason": chunk.reason or chunk.status,
        "attempts": chunk.attempts,
        "source": f"{chunk.source.topic}[{chunk.source.partition}]@{chunk.source.offset}",
    }
