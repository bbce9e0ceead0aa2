"""RTTM files (Rich Transcription Time Marked, NIST RT-09): one `SPEAKER` line per segment.

Fields: type, file, channel, onset, duration, orthography, subtype, speaker, confidence, lookahead.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

_FIELDS = 10
_SHORTEST_S = 0.001  # what three digits can say


@dataclass(frozen=True, slots=True)
class Turn:
    """One stretch of one speaker in a recording, seconds from the recording's start."""

    recording: str
    start_s: float
    duration_s: float
    speaker: str
    confidence: float | None = None


def write(turns: Iterable[Turn]) -> str:
    """The turns as RTTM, by start and none shorter than a millisecond; names are `word`s."""
    ordered = sorted(turns, key=lambda turn: (turn.recording, turn.start_s, turn.speaker))
    return "".join(f"{_line(turn)}\n" for turn in ordered)


def read(text: str) -> list[Turn]:
    """The turns in RTTM text; other record types and comments are skipped.

    Raises:
        ValueError: a SPEAKER line is broken; names the line.
    """
    turns = []
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        fields += ["<NA>"] * (_FIELDS - len(fields))
        try:
            onset, duration = float(fields[3]), float(fields[4])
            confidence = None if fields[8] == "<NA>" else float(fields[8])
            if not math.isfinite(onset) or not 0.0 <= duration < math.inf:
                raise ValueError("no time")
        except ValueError as error:
            raise ValueError(f"line {number} of the RTTM is broken: {line!r}") from error
        turns.append(Turn(fields[1], onset, duration, fields[7], confidence))
    return turns


def _line(turn: Turn) -> str:
    confidence = "<NA>" if turn.confidence is None else f"{turn.confidence:.3f}"
    recording, speaker = word(turn.recording), word(turn.speaker)
    duration_s = max(turn.duration_s, _SHORTEST_S)
    return (
        f"SPEAKER {recording} 1 {turn.start_s:.3f} {duration_s:.3f} "
        f"<NA> <NA> {speaker} {confidence} <NA>"
    )


def word(name: str) -> str:
    """A name as it stands in RTTM, where white space ends a field."""
    return "_".join(name.split()) or "<NA>"
