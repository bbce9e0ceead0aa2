"""Makes the sample meeting of the demo from three voices that train nothing.

Whole sentences and prompts, one after the other with pauses, overlaps and short replies; one room
with three seats, three levels, a little noise. The reference comes from the same placement.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from deploy.checkpoints import corpus, rooms, voices
from deploy.checkpoints.sessions import Acoustics, Span, mix
from deploy.checkpoints.speech import SAMPLE_RATE, Samples

RECORDING_ID = "meeting"
SPEAKERS = {
    "asterisk-fr-armelle": "armelle",
    "asterisk-ru-ivrvoice": "ivrvoice",
    "festvox-ru-nsh": "nsh",
}
SEED = 20


@dataclass(frozen=True)
class Plan:
    """How long and how lively the meeting is; seconds."""

    duration: float = 140.0
    chunk: float = 30.0
    clean_per_chunk: float = 3.0  # every voice alone for at least so long in every whole chunk
    overlap: tuple[float, float] = (0.05, 0.10)  # share of the speech


def place(
    rng: np.random.Generator, spoken: list[corpus.Speech], plan: Plan
) -> tuple[list[Samples], list[Span]]:
    """A track per speaker and the spans of speech."""
    length = int(plan.duration * SAMPLE_RATE)
    tracks = [np.zeros(length, np.float32) for _ in spoken]
    cursor = [int(rng.integers(len(voice.bounds))) for voice in spoken]
    spans: list[Span] = []
    clock, current = 0.4, -1
    while True:
        current = int(rng.choice([index for index in range(len(spoken)) if index != current]))
        voice, wanted = spoken[current], float(np.clip(rng.lognormal(np.log(3.2), 0.5), 1.0, 7.0))
        start = position = int(clock * SAMPLE_RATE)
        while position - start < wanted * SAMPLE_RATE:
            piece = voice.stretch(cursor[current])
            if position + len(piece) > length - SAMPLE_RATE // 2:
                return tracks, spans
            tracks[current][position : position + len(piece)] += piece
            spans.append(Span(current, position, position + len(piece)))
            position += len(piece) + int(rng.uniform(0.08, 0.35) * SAMPLE_RATE)
            cursor[current] = (cursor[current] + 1) % len(voice.bounds)
        end = spans[-1].end / SAMPLE_RATE
        clock = (
            end - rng.uniform(0.4, 1.3)
            if rng.random() < 0.45
            else end + rng.exponential(0.35) + 0.1
        )
        if any(span.end > clock * SAMPLE_RATE and span.speaker == current for span in spans[:-1]):
            clock = end + 0.2


def activity(spans: list[Span], speakers: int, seconds: float) -> npt.NDArray[np.bool_]:
    """Which speaker is active in each 10 ms, (frames, speakers)."""
    active = np.zeros((int(seconds * 100), speakers), bool)
    for span in spans:
        active[span.start // 160 : span.end // 160, span.speaker] = True
    return active


def good(spans: list[Span], speakers: int, plan: Plan) -> bool:
    """Whether the meeting keeps the plan's promises."""
    active = activity(spans, speakers, plan.duration)
    alone = active & (active.sum(1, keepdims=True) == 1)
    share = (active.sum(1) > 1).sum() / (active.sum(1) > 0).sum()
    chunks = range(
        0, int(plan.duration // plan.chunk) * int(plan.chunk * 100), int(plan.chunk * 100)
    )
    clean = min(alone[start : start + int(plan.chunk * 100)].sum(0).min() / 100 for start in chunks)
    return bool(plan.overlap[0] <= share <= plan.overlap[1] and clean >= plan.clean_per_chunk)


def rttm(spans: list[Span], names: list[str]) -> str:
    """One line per stretch of speech; stretches less than 0.25 s apart are one."""
    merged: list[list[int]] = []
    for span in sorted(spans, key=lambda span: (span.speaker, span.start)):
        if (
            merged
            and merged[-1][0] == span.speaker
            and span.start - merged[-1][2] < SAMPLE_RATE // 4
        ):
            merged[-1][2] = span.end
        else:
            merged.append([span.speaker, span.start, span.end])
    lines = sorted(
        (
            (start / SAMPLE_RATE, (end - start) / SAMPLE_RATE, names[who])
            for who, start, end in merged
        )
    )
    return "".join(
        f"SPEAKER {RECORDING_ID} 1 {start:.3f} {length:.3f} <NA> <NA> {name} <NA> <NA>\n"
        for start, length, name in lines
    )


def ventilator(rng: np.random.Generator) -> Samples:
    """20 s of a low rumble and a little hiss."""
    brown = np.cumsum(rng.normal(size=20 * SAMPLE_RATE)).astype(np.float32)
    low = brown - np.convolve(brown, np.ones(2000) / 2000, "same")
    return np.asarray(np.diff(brown, prepend=brown[0]) * 0.3 + low * 0.02, np.float32)


def make(cache: Path, folder: Path, plan: Plan = Plan()) -> None:
    """Write ``meeting.ogg`` and ``meeting.rttm``."""
    table = {voice.voice: voice for voice in voices.read()}
    spoken = [corpus.load(table[name], cache) for name in SPEAKERS]
    for seed in range(SEED, SEED + 5000):
        rng = np.random.default_rng(seed)
        tracks, spans = place(rng, spoken, plan)
        if good(spans, len(spoken), plan):
            break
    else:
        raise RuntimeError("no seed gives a meeting that keeps the plan")
    seats = rooms.responses(rng, rooms.Room((5.2, 4.1, 2.7), 0.25), len(spoken))
    audio = mix(rng, tracks, Acoustics(seats, (0.0, -3.0, 2.0), 2.0, None, 28.0), ventilator(rng))
    folder.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(
        folder / f"{RECORDING_ID}.ogg", "w", SAMPLE_RATE, 1, "VORBIS", format="OGG"
    ) as file:
        for start in range(
            0, len(audio), SAMPLE_RATE
        ):  # libsndfile's encoder overflows its stack on long writes
            file.write(audio[start : start + SAMPLE_RATE])
    (folder / f"{RECORDING_ID}.rttm").write_text(
        rttm(spans, list(SPEAKERS.values())), encoding="utf-8"
    )
