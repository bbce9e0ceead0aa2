"""RTTM files (Rich Transcription Time Marked, NIST RT-09): one `SPEAKER` line per segment.

Fields: type, file, channel, onset, duration, orthography, subtype, speaker, confidence, lookahead.
"""

from collections.abc import Iterable
from dataclasses import dataclass

_FIELDS = 10


@dataclass(frozen=True, slots=True)
class Turn:
    """One stretch of one speaker in a recording, seconds from the recording's start."""

    recording: str
    start_s: float
    duration_s: float
    speaker: str
    confidence: float | None = None


def write(turns: Iterable[Turn]) -> str:
    """The turns as RTTM, by start; names have their white space replaced by `_`."""
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
        except ValueError as error:
            raise ValueError(f"line {number} of the RTTM is broken: {line!r}") from error
        turns.append(Turn(fields[1], onset, duration, fields[7], confidence))
    return turns


def _line(turn: Turn) -> str:
    confidence = "<NA>" if turn.confidence is None else f"{turn.confidence:.3f}"
    recording, speaker = _word(turn.recording), _word(turn.speaker)
    return (
        f"SPEAKER {recording} 1 {turn.start_s:.3f} {turn.duration_s:.3f} "
        f"<NA> <NA> {speaker} {confidence} <NA>"
    )


def _word(name: str) -> str:
    return "_".join(name.split()) or "<NA>"
