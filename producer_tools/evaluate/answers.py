"""The engine's answers to recordings, and what they cost."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from consumer.errors import PermanentError
from consumer.inference.results import SAMPLE_RATE, Analysis, Engine, Waveform, label
from producer_tools.evaluate.recordings import Recording
from producer_tools.rttm import Turn

_AT_ONCE_S = 240.0  # of audio: the progress moves on, and a batch is still worth its name


@dataclass(frozen=True, slots=True)
class Answer:
    """What the engine said about one recording, or about one chunk of it.

    `start_s` is where the chunk begins in the recording, 0 for a whole recording.
    """

    recording: Recording
    start_s: float
    analysis: Analysis

    @property
    def turns(self) -> list[Turn]:
        """The segments as turns of local speakers, on the time axis of what was analysed."""
        return [
            Turn(
                self.recording.name, s.start_s, s.end_s - s.start_s, label(s.speaker), s.confidence
            )
            for s in self.analysis.segments
        ]


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of audio analysed, of the process's CPU time, and of wall-clock time."""

    audio_s: float = 0.0
    cpu_s: float = 0.0
    wall_s: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.audio_s + other.audio_s, self.cpu_s + other.cpu_s, self.wall_s + other.wall_s
        )

    @property
    def times_real_time(self) -> float:
        """Audio per CPU second: the speed on one core, whatever else the machine does."""
        return self.audio_s / max(self.cpu_s, 1e-9)


def analyze(
    engine: Engine,
    recordings: Iterable[Recording],
    chunk_s: float | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> tuple[list[Answer], Cost]:
    """The answers in order, and their cost without decoding.

    `chunk_s` cuts each recording into chunks of that many seconds, as a pipeline would; None
    analyses it whole. `progress` hears of every recording read.

    Raises:
        ValueError: a recording cannot be analysed; names it.
    """
    answers: list[Answer] = []
    cost = Cost()
    waiting: list[tuple[Recording, float, Waveform]] = []
    for recording in recordings:
        waveform = recording.waveform()
        step = len(waveform) if chunk_s is None else round(chunk_s * SAMPLE_RATE)
        for start in range(0, len(waveform), max(step, 1)):
            waiting.append((recording, start / SAMPLE_RATE, waveform[start : start + step]))
        progress(recording.name)
        if sum(len(part) for _, _, part in waiting) >= _AT_ONCE_S * SAMPLE_RATE:
            cost += _run(engine, waiting, answers)
            waiting = []
    if waiting:
        cost += _run(engine, waiting, answers)
    return answers, cost


def _run(
    engine: Engine, waiting: Sequence[tuple[Recording, float, Waveform]], answers: list[Answer]
) -> Cost:
    waveforms = [waveform for _, _, waveform in waiting]
    cpu, wall = time.process_time(), time.monotonic()
    found = engine.analyze(waveforms)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    for (recording, start_s, _), analysis in zip(waiting, found, strict=True):
        if isinstance(analysis, PermanentError):
            raise ValueError(f"{recording.name} cannot be analysed: {analysis}")
        answers.append(Answer(recording, start_s, analysis))
    return Cost(sum(map(len, waveforms)) / SAMPLE_RATE, cpu, wall)
