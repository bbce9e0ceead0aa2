"""Start a schema registry and keep it until Ctrl-C: `python -m deploy.registry`."""

import argparse
import signal
import sys

from deploy.maven import MavenError, missing
from deploy.registry.server import SchemaRegistry, SchemaRegistryError


def main() -> int:
    """Exit status 0 after Ctrl-C or SIGTERM, 1 when the registry cannot be had, 2 for options."""
    argparse.ArgumentParser(
        prog="python -m deploy.registry",
        description="Start Apicurio Registry, which speaks Confluent's API, on a free port of this "
        "machine, print its URL, and keep it until Ctrl-C. It holds everything in memory.",
    ).parse_args()
    if problem := missing():
        print(f"Apicurio Registry cannot start: {problem}.", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print("starting Apicurio Registry (the first time fetches 142 MB) ...", flush=True)
    try:
        with SchemaRegistry() as registry:
            print(f"schema registry at {registry.url}; Ctrl-C stops it", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        print("stopped")
    except (SchemaRegistryError, MavenError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
