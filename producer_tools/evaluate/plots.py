"""An evaluation as pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from producer_tools.evaluate.confidence import Confidence
from producer_tools.evaluate.errors import Errors
from producer_tools.evaluate.evaluation import Evaluation
from producer_tools.evaluate.tables import percent
from producer_tools.evaluate.trials import Verification

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"missed": "#4477aa", "false alarm": "#ccbb44", "confusion": "#ee6677"}


def write(found: Evaluation, folder: Path) -> list[Path]:
    """One PNG for each kind of measure; returns their paths."""
    pages: dict[str, Callable[[Axes], None]] = {
        "errors": lambda axes: _errors(axes, found.diarization.errors)
    }
    if (known := found.diarization.confidence) is not None:
        pages["reliability"] = lambda axes: _reliability(axes, known)
        pages["risk-coverage"] = lambda axes: _risk(axes, known)
    if found.fingerprints:
        pages["fingerprints"] = lambda axes: _fingerprints(axes, found.fingerprints)
    return [_page(folder / f"{name}.png", draw) for name, draw in pages.items()]


def _page(path: Path, draw: "Callable[[Axes], None]") -> Path:
    from matplotlib.figure import Figure  # late: half a second

    figure = Figure(figsize=(6, 4), layout="constrained")
    draw(figure.subplots())
    figure.savefig(path, dpi=120)
    return path


def _errors(axes: "Axes", by_speakers: dict[str, Errors]) -> None:
    bottom = [0.0] * len(by_speakers)
    for part, (name, colour) in enumerate(_COLOURS.items(), 1):
        heights = [percent(each.strict)[part] for each in by_speakers.values()]
        axes.bar(list(by_speakers), heights, bottom=bottom, label=name, color=colour)
        bottom = [below + height for below, height in zip(bottom, heights, strict=True)]
    axes.set(xlabel="speakers", ylabel="percent of speech", title="Diarization error, no collar")
    axes.legend()


def _reliability(axes: "Axes", found: Confidence) -> None:
    levels = [each.confidence for each in found.reliability]
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, label="perfect")
    axes.plot(levels, [each.right for each in found.reliability], "o-", label="measured")
    for each in found.reliability:
        axes.annotate(
            str(each.count), (each.confidence, each.right), (4, -10), textcoords="offset points",
            fontsize=7,
        )  # fmt: skip
    axes.set(
        xlabel="mean confidence of the segments", ylabel="share with the right speaker",
        xlim=(0, 1), ylim=(0, 1), title=f"Reliability, ECE {found.ece:.3f}",
    )  # fmt: skip
    axes.legend()


def _risk(axes: "Axes", found: Confidence) -> None:
    axes.plot(found.coverage, found.risk)
    axes.set(
        xlabel="coverage: share of segments, most confident first",
        ylabel="risk: share with the wrong speaker", xlim=(0, 1), ylim=(0, None),
        title=f"Risk and coverage, area {found.aurc:.3f}",
    )  # fmt: skip


def _fingerprints(axes: "Axes", found: dict[str, Verification]) -> None:
    seconds = [float(key) for key in found]
    axes.plot(seconds, [100 * each.eer for each in found.values()], "o-")
    axes.set(
        xlabel="seconds of clean speech", ylabel="equal error rate, percent", ylim=(0, None),
        title="Fingerprints",
    )  # fmt: skip
