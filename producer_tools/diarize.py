"""`speakerstream diarize`: the service's inference on files, without Kafka."""

import json
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from consumer.audio.decode import DecodeLimits, decode
from consumer.errors import PermanentError, Reason
from consumer.inference.checkpoints import COMPACT
from consumer.inference.options import Device, EngineOptions, Precision
from consumer.inference.results import Analysis, Engine, Models, Segment, Waveform, label
from producer_tools import options, rttm
from producer_tools.meeting import row, shown

# The files are the user's own: what a streaming checkpoint takes, and memory holds.
_LIMITS = DecodeLimits(max_duration_s=12 * 3600)


def diarize(
    audio: Annotated[list[Path], typer.Argument(help="audio files of any kind the service reads")],
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object per file")] = False,
    rttm_dir: Annotated[
        Path | None, typer.Option("--rttm", metavar="DIR", help="write an RTTM file per input here")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="files decoded and analysed at once")] = 4,
    device: Annotated[Device, typer.Option()] = "auto",
    precision: Annotated[
        Precision, typer.Option(help="auto: bf16 where the processor has it")
    ] = "fp32",
    diarizer: options.Diarizer = COMPACT,
    embedder: options.Embedder = COMPACT,
) -> None:
    """Find who speaks when in audio files: segments with confidence, a fingerprint per speaker.

    `Speaker_0?` marks a segment whose confidence is under the checkpoint's threshold. Exit code 1
    when a file could not be read or analysed; the others are still done.
    """
    chosen = EngineOptions(diarizer, embedder, device, precision)
    failed = False
    with options.errors_in_a_sentence(), _progress() as progress:
        if rttm_dir is not None:
            rttm_dir.mkdir(parents=True, exist_ok=True)
        engine: Engine | None = None
        task = progress.add_task("reading", total=len(audio))
        named = list(zip(audio, _names(audio), strict=True))
        for first in range(0, len(named), batch_size):
            batch = named[first : first + batch_size]
            progress.update(task, description=f"decoding {batch[0][0].name}")
            read = [_read(path) for path, _ in batch]
            waveforms = [waveform for waveform in read if not isinstance(waveform, PermanentError)]
            if waveforms and engine is None:
                progress.update(task, description="loading the models")
                engine = _engine(chosen)
                if not as_json:
                    said = options.checkpoints(engine.models)
                    progress.console.print(said, markup=False, soft_wrap=True)
            progress.update(task, description=f"analysing {batch[0][0].name}")
            answers = iter(engine.analyze(waveforms) if engine is not None else ())
            for (path, name), waveform in zip(batch, read, strict=True):
                answer = waveform if isinstance(waveform, PermanentError) else next(answers)
                if isinstance(answer, PermanentError):
                    failed = True
                    progress.console.print(f"{path}: {answer}", markup=False, soft_wrap=True)
                elif engine is not None:
                    _say(path, answer, engine.models, as_json)
                    if rttm_dir is not None:
                        _write_rttm(rttm_dir / f"{name}.rttm", name, answer.segments)
                progress.advance(task)
    if failed:
        raise typer.Exit(1)


def _engine(chosen: EngineOptions) -> Engine:
    from consumer.inference.engine import SortformerEngine  # torch and NeMo, seconds

    return SortformerEngine(chosen)


def _read(path: Path) -> Waveform | PermanentError:
    try:
        data = path.read_bytes()
    except OSError as error:
        return PermanentError(Reason.OBJECT_MISSING, error.strerror or str(error))
    try:
        return decode(data, channel=None, limits=_LIMITS)
    except PermanentError as error:
        return error


def _names(paths: Sequence[Path]) -> Iterator[str]:
    """A name per path, its stem; a second file of that name gets a number."""
    taken: set[str] = set()
    for path in paths:
        candidates = (path.stem if n == 1 else f"{path.stem}-{n}" for n in count(1))
        name = next(candidate for candidate in candidates if candidate not in taken)
        taken.add(name)
        yield name


def _say(path: Path, analysis: Analysis, models: Models, as_json: bool) -> None:
    """To standard output, past the progress bar, which has standard error to itself."""
    if as_json:
        print(json.dumps(as_object(path, analysis, models)), flush=True)
        return
    speakers = len(analysis.speakers_detected)
    print(f"{path}: {analysis.duration_s:.2f} s, speakers: {speakers}")
    threshold = models.uncertain_confidence
    for segment in analysis.segments:
        who = shown(label(segment.speaker), segment.confidence, threshold)
        print(row(segment.start_s, segment.end_s, who, segment.confidence))
    sys.stdout.flush()


def as_object(path: Path, analysis: Analysis, models: Models) -> dict[str, Any]:
    """What `--json` prints for a file: the answer of the endpoint this replaces, and the path."""
    return {
        "path": str(path),
        "duration": analysis.duration_s,
        "segments": [
            {
                "start_s": segment.start_s,
                "end_s": segment.end_s,
                "speaker": label(segment.speaker),
                "confidence": segment.confidence,
            }
            for segment in analysis.segments
        ],
        "speakers_detected": [label(speaker) for speaker in analysis.speakers_detected],
        "fingerprints": {
            label(fingerprint.speaker): fingerprint.embedding.tolist()
            for fingerprint in analysis.fingerprints
        },
        "models": {"diarization": models.diarization, "embedding": models.embedding},
    }


def _write_rttm(path: Path, recording: str, segments: Sequence[Segment]) -> None:
    turns = [
        rttm.Turn(recording, s.start_s, s.end_s - s.start_s, label(s.speaker), s.confidence)
        for s in segments
    ]
    path.write_text(rttm.write(turns), encoding="utf-8")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
