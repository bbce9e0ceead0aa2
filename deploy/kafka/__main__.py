"""Start brokers and keep them until Ctrl-C: `python -m deploy.kafka --brokers 3`."""

import argparse
import signal
import sys
import time

from deploy.kafka.cluster import KafkaCluster, KafkaClusterError
from deploy.maven import MavenError, missing


def main() -> int:
    """Exit status 0 after Ctrl-C or SIGTERM, 1 when the brokers cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m deploy.kafka", description=__doc__)
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1)
    brokers = parser.parse_args().brokers
    if problem := missing():
        print(f"Apache Kafka cannot start: {problem}.", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print("starting Apache Kafka (the first time fetches 45 MB of jars) ...", flush=True)
    began = time.monotonic()
    try:
        with KafkaCluster(brokers) as cluster:
            print(f"{brokers} broker(s) after {time.monotonic() - began:.1f} s; Ctrl-C stops them")
            print(f"BOOTSTRAP={cluster.bootstrap}", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        print("stopped")
    except (KafkaClusterError, MavenError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
