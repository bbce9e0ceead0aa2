"""Start a schema registry and keep it until Ctrl-C: `python -m deploy.registry`."""

import signal
import sys

from deploy.maven import MavenError, missing
from deploy.registry.server import SchemaRegistry, SchemaRegistryError


def main() -> int:
    """Exit status 0 after Ctrl-C or SIGTERM, 1 when the registry cannot be had."""
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
