"""`python -m tests.chaos --minutes N`: the storm, its table, and build/chaos/*.json."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import get_args

from rich.console import Console

import deploy.maven
from tests.chaos.run import Plan, Protocol, Weather, storm
from tests.chaos.sounds import EngineName
from tests.chaos.table import table

_ROOT = Path(__file__).parents[2] / "build" / "chaos"


def main() -> int:
    """Exit status 0 when every storm was survived without a flaw."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="of storm, per group protocol")
    parser.add_argument("--protocol", choices=("classic", "consumer", "both"), default="both")
    parser.add_argument(
        "--weather",
        choices=get_args(Weather),
        default="storm",
        help="kills: nothing but kill -9, each after the last was recovered from; faults, "
        "zombies, restarts: nothing but these; calm: nothing, to one member alone",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=40.0, help="chunks a second")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two actions")
    parser.add_argument(
        "--engine",
        choices=get_args(EngineName),
        default="stand-in",
        help="compact: the compact checkpoints, on pieces of the sample meeting (use a low --rate)",
    )
    arguments = parser.parse_args()
    if problem := deploy.maven.missing():
        print(f"Apache Kafka cannot start: {problem}.", file=sys.stderr)
        return 1
    console = Console()
    chosen: tuple[Protocol, ...] = ("classic", "consumer")
    if arguments.protocol != "both":
        chosen = (arguments.protocol,)
    flawless = True
    for protocol in chosen:
        plan = Plan(
            protocol,
            arguments.weather,
            arguments.minutes * 60,
            arguments.seed,
            arguments.rate,
            arguments.pause,
            arguments.engine,
        )
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{plan.weather}-{protocol}-{plan.seed}"
        logs = _ROOT / name
        logs.mkdir(parents=True)
        with console.status(f"{protocol}: {plan.weather}, {arguments.minutes:g} minutes"):
            report = storm(plan, logs)
        (_ROOT / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n")
        console.print(table(f"{protocol} protocol", report))
        flawless &= report["flawless"]
    return 0 if flawless else 1


if __name__ == "__main__":
    sys.exit(main())
