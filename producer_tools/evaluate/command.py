"""`speakerstream evaluate`: how good a pair of checkpoints is on your own recordings."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from consumer.inference.checkpoints import COMPACT
from consumer.inference.options import Device, EngineOptions, Precision
from producer_tools import options
from producer_tools.evaluate import evaluation, plots, tables
from producer_tools.evaluate.as_json import as_json
from producer_tools.evaluate.evaluation import Evaluation
from producer_tools.evaluate.fingerprints import SECONDS
from producer_tools.evaluate.linking import CHUNK_S
from producer_tools.evaluate.recordings import Recording, pairs


def command(
    audio: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)],
    rttm: Annotated[
        Path | None,
        typer.Option(exists=True, help="folder of NAME.rttm, or one file; none: beside the audio"),
    ] = None,
    output: Annotated[Path, typer.Option(help="folder for results.json and the plots")] = Path(
        "build/evaluate"
    ),
    diarizer: options.Diarizer = COMPACT,
    embedder: options.Embedder = COMPACT,
    device: Annotated[Device, typer.Option()] = "auto",
    precision: Annotated[Precision, typer.Option()] = "fp32",
    chunk_seconds: Annotated[
        float, typer.Option(min=1.0, help="chunks that recordings are cut into for linking")
    ] = CHUNK_S,
) -> None:
    """Measure a pair of checkpoints on recordings with references (RTTM).

    Diarization error and Jaccard error, the worth of confidences, error rates of fingerprints by
    clean seconds (speakers of one name are one person in all recordings), and the linking of
    chunks. Prints tables, writes results.json and plots.
    """
    chosen = EngineOptions(diarizer, embedder, device, precision)
    with options.errors_in_a_sentence():
        found = _measure(chosen, pairs(audio, rttm), chunk_seconds)
        output.mkdir(parents=True, exist_ok=True)
        (output / "results.json").write_text(json.dumps(as_json(found), indent=2) + "\n", "utf-8")
        written = plots.write(found, output)
    console = Console()
    console.print(options.checkpoints(found.models), markup=False, soft_wrap=True)
    for table in tables.tables(found):
        console.print(table)
    speed = found.diarization.cost.times_real_time
    console.print(f"{speed:.0f} times real time on one core, both models, decoding aside")
    console.print(f"written: {output / 'results.json'}, {', '.join(p.name for p in written)}")


def _measure(chosen: EngineOptions, recordings: list[Recording], chunk_s: float) -> Evaluation:
    with _progress() as progress:
        task = progress.add_task("loading the models", total=None)
        # Torch and NeMo, seconds.
        from consumer.inference.engine import create

        engine = create(chosen)
        progress.update(task, total=2 * len(recordings) + len(SECONDS), completed=0)

        def step(name: str) -> None:
            progress.update(task, description=name, advance=1)

        diarized = evaluation.diarization(engine, recordings, step)
        verified = evaluation.verification(engine.embed, recordings, step)
        if engine.models.same_voice_cosine is None:
            progress.console.print(
                f"no same-voice threshold is published for {engine.models.embedding}: no linking"
            )
            return Evaluation(engine.models, diarized, verified)
        linked = evaluation.link(engine, recordings, chunk_s, step)
        return Evaluation(engine.models, diarized, verified, *linked)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
