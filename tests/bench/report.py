"""The figures that matter beside what is asked of them, as a table and a picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the results: where it comes from, and what is asked of it."""

    part: str
    field: str
    limit: float
    text: str
    at_most: bool = False


FIGURES = {
    "engine_vs_reference_full": Figure(
        "engine_vs_reference_full", "ratio", 2.5, "engine against the reference, full size"
    ),
    "engine_vs_reference_compact": Figure(
        "engine_vs_reference_compact", "ratio", 2.0, "engine against the reference, compact"
    ),
    "service_vs_engine": Figure(
        "service_vs_engine", "ratio", 0.95, "service, Kafka to Kafka, against the engine alone"
    ),
    "postprocess_vs_nemo": Figure(
        "postprocess_vs_nemo", "ratio", 50, "segments and confidence against NeMo's"
    ),
    "message_path_chunks_per_s": Figure(
        "message_path", "chunks_per_s", 500, "chunks a second without audio or models"
    ),
    "message_path_vs_quixstreams": Figure(
        "message_path", "ratio", 2, "the same against a quixstreams application"
    ),
    "rss_backlog_ratio": Figure(
        "rss_backlog_ratio", "ratio", 1.05, "peak memory, backlog of 20,000 to 2,000", True
    ),
    "scaling_2": Figure("scaling_2", "ratio", 1.8, "two processes against one"),
}
_WITHOUT_BF16 = 1.1  # what is asked of the full size where the processor has no bf16


def headline(parts: Mapping[str, Any], machine: Mapping[str, Any]) -> dict[str, Any]:
    """The figures by name, `cost_by_length`, and `bf16`."""
    found: dict[str, Any] = {
        name: parts[figure.part][figure.field]
        for name, figure in FIGURES.items()
        if figure.part in parts
    }
    if "cost_by_length" in parts:
        found["cost_by_length"] = parts["cost_by_length"]["lengths_s"]
    return {**found, "bf16": machine["bf16"]}


def limit(name: str, bf16: bool) -> float:
    """What is asked of a figure on this machine."""
    if name == "engine_vs_reference_full" and not bf16:
        return _WITHOUT_BF16
    return FIGURES[name].limit


def table(results: Mapping[str, Any], console: Console) -> None:
    """Print every figure measured so far beside its limit."""
    made = Table("figure", "measured", "asked", "", title="build/bench/results.json")
    for name, figure in FIGURES.items():
        if name not in results:
            continue
        value, asked = results[name], limit(name, results["bf16"])
        good = value <= asked if figure.at_most else value >= asked
        made.add_row(
            figure.text,
            f"{value:.2f}",
            f"{'at most' if figure.at_most else 'at least'} {asked:g}",
            "yes" if good else "NO",
        )
    for length, cost in results.get("cost_by_length", {}).items():
        made.add_row(
            f"seconds of work per second of audio, {length} s chunks",
            f"{cost['cost']:.4f} (attention {cost['attention']:.0%})",
            "",
            "",
        )
    console.print(made)


def plot(results: Mapping[str, Any], path: Path) -> None:
    """Figures by their limits, and the cost by length of the chunk."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 4.5), layout="constrained")
    names = [name for name in FIGURES if name in results]
    shares = [results[name] / limit(name, results["bf16"]) for name in names]
    left.barh([FIGURES[name].text for name in names], shares, color="#3b6ea5")
    left.axvline(1.0, color="#b03a2e", label="what is asked")
    left.set_xscale("log")
    left.set_xlabel("measured by asked (memory: less is better)")
    left.invert_yaxis()
    left.legend()
    costs = results.get("cost_by_length", {})
    right.plot([int(s) for s in costs], [cost["cost"] for cost in costs.values()], "o-")
    right.set(xscale="log", ylim=(0, None), xlabel="length of the chunk, s")
    right.set_ylabel("seconds of work per second of audio")
    right.set_title("full size, one thread")
    machine = results["machine"]
    figure.suptitle(f"{machine['processor']}, {machine['cores']} cores, torch {machine['torch']}")
    figure.savefig(path, dpi=110)
