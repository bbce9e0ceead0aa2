"""The sample meeting in chunks, and the error of what an engine says about them."""

from pathlib import Path

import numpy as np

import producer_tools
from consumer.audio.decode import decode
from consumer.inference.results import SAMPLE_RATE, Analysis, Waveform
from producer_tools import rttm
from producer_tools.scoring import error_rate

FOLDER = Path(producer_tools.__file__).parent / "sample"


def sample_meeting() -> Waveform:
    """All of it."""
    return decode((FOLDER / "meeting.ogg").read_bytes())


def sample_chunks(seconds: float) -> list[Waveform]:
    """The meeting from its beginning, in whole chunks."""
    waveform = sample_meeting()
    width = round(seconds * SAMPLE_RATE)
    return [
        np.ascontiguousarray(waveform[start : start + width])
        for start in range(0, len(waveform) - width + 1, width)
    ]


def sample_error(answers: list[Analysis]) -> float:
    """Diarization error rate over the chunks, speakers matched anew in each."""
    turns, spans, position = [], [], 0.0
    for answer in answers:
        turns += [
            rttm.Turn("meeting", position + s.start_s, s.end_s - s.start_s, f"{s.speaker}")
            for s in answer.segments
        ]
        spans.append((position, position + answer.duration_s))
        position += answer.duration_s
    reference = rttm.read((FOLDER / "meeting.rttm").read_text())
    return error_rate(reference, turns, spans).der
