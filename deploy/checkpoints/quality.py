"""Every figure that the shipped checkpoints must reach, beside its limit.

On the frozen held-out set, as files through the service's decoder and engine; on one core in fp32
where nothing else is said. Without the voices at hand only the sample meeting is measured.
"""

import importlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from consumer.inference.checkpoints import COMPACT
from consumer.inference.engine import SortformerEngine, create
from consumer.inference.options import EngineOptions, Precision
from deploy.checkpoints import baselines, renders, voices
from deploy.checkpoints.paths import SAMPLE
from producer_tools.evaluate import evaluation, fingerprints, plots, tables
from producer_tools.evaluate.as_json import as_json
from producer_tools.evaluate.evaluation import Diarization, Evaluation
from producer_tools.evaluate.linking import CHUNK_S
from producer_tools.evaluate.recordings import Recording, pairs
from producer_tools.evaluate.trials import Verification, verify

OWN = Path("build") / "quality"
CONVERSATION, MEETING = "c", "m"  # what names of the manifest begin with


@dataclass(frozen=True)
class Check:
    """A figure and its limit; both in the unit that the name says."""

    name: str
    value: float
    limit: float
    at_most: bool = True

    @property
    def passed(self) -> bool:
        """Whether the figure keeps the limit."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit


@dataclass
class Quality:
    """What is measured, growing."""

    checks: list[Check] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    held_out: Evaluation | None = None


def run(cache: Path, folder: Path) -> Quality:
    """Measure everything and write `results.json` and the plots into `folder`.

    The held-out part needs its files in `cache`, or the voices they are made of.
    """
    began = time.monotonic()
    quality = Quality()
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), transient=True
    ) as progress:
        task = progress.add_task("loading", total=None)

        def step(name: str) -> None:
            progress.update(task, description=name)

        importlib.import_module("nemo.collections.asr.models")  # its import is not the files' fault
        start = time.process_time()
        engine = _engine("fp32")
        loaded = time.process_time() - start
        quality.checks.append(Check("loading both checkpoints, CPU s", loaded, 5.0))
        _sample(quality, engine, step)
        if renders.ready(cache):
            _held_out(quality, engine, cache, step)
    quality.details["seconds"] = round(time.monotonic() - began, 1)
    folder.mkdir(parents=True, exist_ok=True)
    if quality.held_out is not None:
        plots.write(quality.held_out, folder)
    (folder / "results.json").write_text(
        json.dumps(
            {
                "checks": [as_json(check) | {"passed": check.passed} for check in quality.checks],
                **as_json(quality.details),
            },
            indent=2,
        )
        + "\n",
        encoding="utf-8",
    )
    return quality


def show(quality: Quality) -> None:
    """Print all tables, the one with the limits last."""
    console = Console()
    for table in quality.tables:
        console.print(table)
    made = Table("figure", title="what must be shown", title_justify="left")
    for column in ("measured", "limit", ""):
        made.add_column(column, justify="right")
    for check in quality.checks:
        sign = "≤" if check.at_most else "≥"
        made.add_row(
            check.name, f"{check.value:,.3f}".rstrip("0").rstrip("."), f"{sign} {check.limit:,g}",
            "pass" if check.passed else "FAIL",
        )  # fmt: skip
    console.print(made)
    if quality.held_out is None:
        console.print(
            "Only the sample meeting was measured: the held-out voices are not at hand "
            "(`python -m deploy.checkpoints evaluate` gets them)."
        )


def _engine(precision: Precision) -> SortformerEngine:
    return create(EngineOptions(COMPACT, COMPACT, device="cpu", precision=precision, threads=1))


def _sample(quality: Quality, engine: SortformerEngine, step: Callable[[str], None]) -> None:
    _, linked = evaluation.link(engine, pairs([SAMPLE / "meeting.ogg"], None), CHUNK_S, step)
    quality.details["sample_meeting"] = linked[0]
    quality.checks.append(Check("sample meeting, linked: DER %", 100 * linked[0].der, 25.0))


def _held_out(
    quality: Quality, engine: SortformerEngine, cache: Path, step: Callable[[str], None]
) -> None:
    def read(version: str, kind: str = "") -> list[Recording]:
        return [each for each in renders.recordings(cache, version) if each.name.startswith(kind)]

    plain = evaluation.diarization(engine, read("plain", CONVERSATION), step)
    _errors(quality, "plain", plain)
    total = der(plain)
    quality.checks += [
        Check("held-out: DER %, all", total, 20.0),
        Check("held-out: DER %, two speakers", der(plain, "2"), 10.0),
    ]
    for version, name in (("8khz", "8 kHz"), ("opus", "Opus at 24 kbit/s")):
        worse = evaluation.diarization(engine, read(version, CONVERSATION), step)
        _errors(quality, version, worse)
        quality.checks.append(Check(f"{name}: DER points worse", der(worse) - total, 4.0))
    fast = evaluation.diarization(_engine("bf16"), read("plain", CONVERSATION), step)
    _errors(quality, "bf16", fast)
    quality.checks.append(Check("bf16: DER points of difference", abs(der(fast) - total), 0.3))
    if plain.confidence is not None:
        quality.tables.append(tables.confidence(plain.confidence))
        quality.checks += [
            Check("confidence: AUROC", plain.confidence.auroc or 0.0, 0.85, at_most=False),
            Check("confidence: ECE", plain.confidence.ece, 0.08),
        ]
    verified = _fingerprints(quality, engine, read("voices"), step)
    linked = evaluation.link(engine, read("plain", MEETING), CHUNK_S, step)
    for each, title in zip(linked, ("plain clustering", "link()"), strict=True):
        quality.tables.append(tables.linking(each, f"held-out meetings, {title}"))
    right = fmean(each.speakers == each.voices for each in linked[0])
    quality.checks += [
        Check("meetings with the right number of speakers, %", 100 * right, 80.0, at_most=False),
        Check("meetings: mean purity", fmean(m.purity for m in linked[0]), 0.95, at_most=False),
    ]
    speed = plain.cost.times_real_time
    quality.checks.append(Check("speed, x real time, one core", speed, 80.0, at_most=False))
    quality.held_out = Evaluation(engine.models, plain, verified, *linked)
    quality.details["held_out"] = quality.held_out
    if baselines.RESULTS.exists():
        quality.tables.append(baselines.table())


def _errors(quality: Quality, version: str, found: Diarization) -> None:
    quality.details[f"errors_{version}"] = found.errors
    quality.tables.append(tables.errors(found.errors, f"held-out conversations, {version}"))


def der(found: Diarization, speakers: str = "all") -> float:
    """Percent, without a collar."""
    return 100 * found.errors[speakers].strict.der


def _fingerprints(
    quality: Quality,
    engine: SortformerEngine,
    recordings: Sequence[Recording],
    step: Callable[[str], None],
) -> dict[str, Verification]:
    """Trials of all held-out voices, and of those hardest to tell apart."""
    speech = fingerprints.clean_speech(recordings)
    known = voices.by_name()

    def strangers(one: str, other: str) -> bool:
        return known[one].person != known[other].person

    def alike(one: str, other: str) -> bool:
        mine, yours = known[one], known[other]
        return (
            strangers(one, other)
            and mine.sex == yours.sex
            and voices.collection(mine) == voices.collection(yours)
        )

    everyone: dict[str, Verification] = {}
    hardest: dict[str, Verification] = {}
    for seconds in fingerprints.SECONDS:
        step(f"fingerprints of {seconds:g} s")
        made = fingerprints.by_seconds(speech, seconds, engine.embed)
        for found, comparable in ((everyone, strangers), (hardest, alike)):
            if (rates := verify(made, comparable)) is not None:
                found[f"{seconds:g}"] = rates
    quality.tables.append(tables.fingerprints(everyone, "fingerprints, all held-out voices"))
    quality.tables.append(
        tables.fingerprints(hardest, "fingerprints, voices of one collection and sex")
    )
    quality.details["fingerprints_same_collection_and_sex"] = hardest
    for length, limit in (("3", 8.0), ("5", 5.0)):
        rate = 100 * everyone[length].eer
        quality.checks.append(Check(f"fingerprints of {length} s: EER %", rate, limit))
    quality.checks += [
        Check("fingerprints of 3 s: trials", everyone["3"].trials, 5_000, at_most=False),
        Check("fingerprints of 3 s: voices", everyone["3"].voices, 15, at_most=False),
    ]
    return everyone
