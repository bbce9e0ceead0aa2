"""`python -m tests.bench [part ...]`: measure, write build/bench/results.json, table and plot.

Parts that are not named keep their earlier results. The clock is only as good as the machine is
quiet: the load it was under is written down with every part.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from tests.bench import backlog, engine, machine, messages, postprocess, report, service
from tests.bench.measure import Say

OUTPUT = Path("build/bench")

Part = Callable[[int, Say], dict[str, Any]]

PARTS: dict[str, Part] = {
    "postprocess_vs_nemo": postprocess.against_nemo,
    "engine_vs_reference_full": lambda rounds, say: engine.against_reference(
        engine.full(OUTPUT / "checkpoints"), rounds, say
    ),
    "engine_vs_reference_compact": lambda rounds, say: engine.against_reference(
        engine.compact(), rounds, say
    ),
    "accuracy_compact": lambda _rounds, say: engine.accuracy_on_sample(say),
    "cost_by_length": lambda _rounds, say: engine.cost_by_length(
        engine.full(OUTPUT / "checkpoints"), say
    ),
    "scaling_2": engine.scaling,
    "service_vs_engine": service.against_engine,
    "message_path": messages.against_quixstreams,
    "rss_backlog_ratio": backlog.against_small,
}


def main() -> None:
    """Run the parts asked for, all by default."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=5, help="runs of each variant")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - PARTS.keys():
        parser.error(f"{', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    torch.set_num_threads(1)
    console = Console(highlight=False)
    for name in asked.parts or PARTS:
        console.print(f"[bold]{name}[/]")
        began = time.monotonic()
        found = PARTS[name](asked.rounds, lambda line: console.print(f"  {line}"))
        found["measured"] = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - began),
            "load_average": os.getloadavg()[0],
        }
        results = _read()
        results["parts"][name] = found
        results["machine"] = machine.describe()
        results.update(report.headline(results["parts"], results["machine"]))
        OUTPUT.mkdir(parents=True, exist_ok=True)
        (OUTPUT / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    results = _read()
    report.table(results, console)
    report.plot(results, OUTPUT / "results.png")
    console.print(f"{OUTPUT}/results.json, {OUTPUT}/results.png")


def _read() -> dict[str, Any]:
    path = OUTPUT / "results.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"parts": {}}
    return found


if __name__ == "__main__":
    main()
