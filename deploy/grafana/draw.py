"""The dashboard as one picture, drawn from Prometheus' own answers: for where no Grafana is.

python -m deploy.grafana.draw --prometheus http://127.0.0.1:9090 --minutes 15 --output board.png
"""

import argparse
import json
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DASHBOARD = Path(__file__).with_name("speakerstream.json")
_COLUMNS = 3


class PrometheusError(RuntimeError):
    """Prometheus gave no answer; says where it was asked, and why there was none."""


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a panel: seconds since 1970 and values."""

    legend: str
    times: list[float]
    values: list[float]


def panels(rate_interval: str) -> Iterator[tuple[dict[str, Any], list[tuple[str, str]]]]:
    """Each panel, and its queries with their legends, the dashboard's variables filled in."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        if panel["type"] == "row":
            continue
        yield (
            panel,
            [
                (
                    target["expr"].replace("$__rate_interval", rate_interval).replace("$job", ".*"),
                    target.get("legendFormat", ""),
                )
                for target in panel["targets"]
            ],
        )


def ask(prometheus: str, query: str, legend: str, begin: float, end: float) -> Iterator[Line]:
    """A query's series over a time. Raises PrometheusError when it does not answer."""
    step = max(1.0, (end - begin) / 240)
    parameters = {"query": query, "start": begin, "end": end, "step": step}
    address = f"{prometheus}/api/v1/query_range?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            found = json.load(answer)["data"]["result"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = getattr(error, "reason", error)
        raise PrometheusError(
            f"no answer from a Prometheus at {prometheus} ({why}): check --prometheus"
        ) from error
    for series in found:
        times, values = zip(*((t, float(v)) for t, v in series["values"]), strict=True)
        yield Line(_named(legend, series["metric"]), list(times), list(values))


def _named(legend: str, labels: Mapping[str, str]) -> str:
    for name, value in labels.items():
        legend = legend.replace("{{" + name + "}}", value)
    return legend or ", ".join(v for k, v in labels.items() if k != "__name__")


def draw(prometheus: str, begin: float, end: float, output: Path, rate_interval: str) -> int:
    """Write the picture (seconds since `begin`); returns how many panels are empty.

    Raises PrometheusError as `ask` does.
    """
    from matplotlib.figure import Figure  # late: only this program draws

    boards = list(panels(rate_interval))
    rows = -(-len(boards) // _COLUMNS)
    figure = Figure(figsize=(7 * _COLUMNS, 3 * rows), layout="constrained")
    empty = 0
    for place, (panel, queries) in enumerate(boards, 1):
        axes = figure.add_subplot(rows, _COLUMNS, place)
        lines = [line for q, legend in queries for line in ask(prometheus, q, legend, begin, end)]
        empty += not lines
        for line in lines:
            seconds = [moment - begin for moment in line.times]
            axes.plot(seconds, line.values, lw=1.2, label=line.legend)
        axes.set_title(f"{panel['title']}  [{panel['fieldConfig']['defaults'].get('unit', '')}]",
                       fontsize=9)  # fmt: skip
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
        axes.set_xlim(0, end - begin)
        axes.set_ylim(bottom=0)
        if lines:
            axes.legend(fontsize=6, loc="upper left")
    figure.savefig(output, dpi=70)
    return empty


def main() -> int:
    """Command line; exit status 1 when Prometheus does not answer."""
    parser = argparse.ArgumentParser(prog="python -m deploy.grafana.draw", description=__doc__)
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--rate-interval", default="1m")
    parser.add_argument("--output", type=Path, default=Path("dashboard.png"))
    given = parser.parse_args()
    end = time.time()
    begin = end - 60 * given.minutes
    try:
        empty = draw(given.prometheus, begin, end, given.output, given.rate_interval)
    except PrometheusError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{given.output}: {empty} panels have nothing to show")
    return 0


if __name__ == "__main__":
    sys.exit(main())
