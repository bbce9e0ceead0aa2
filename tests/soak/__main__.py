"""`python -m tests.soak --inputs N`: the soak, its table, and build/soak/*.json."""

import argparse
import json
import sys
import time
from pathlib import Path

from rich.console import Console

import deploy.maven
from deploy.kafka import KafkaCluster
from tests.chaos.table import table
from tests.soak.run import soak

_ROOT = Path(__file__).parents[2] / "build" / "soak"


def main() -> int:
    """Exit status 0 when every input was answered as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if problem := deploy.maven.missing():
        print(f"Apache Kafka cannot start: {problem}.", file=sys.stderr)
        return 1
    console = Console()
    _ROOT.mkdir(parents=True, exist_ok=True)
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{arguments.seed}"
    with console.status("starting Apache Kafka") as status, KafkaCluster() as cluster:
        log = _ROOT / f"{name}.log"
        report = soak(
            cluster.bootstrap,
            arguments.inputs,
            arguments.seed,
            log,
            lambda text: status.update(text),
        )
    (_ROOT / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n")
    console.print(table("soak", report))
    return 0 if report["flawless"] else 1


if __name__ == "__main__":
    sys.exit(main())
