"""One process of the scaling test: says ready, waits for a line, prints times real time."""

import sys
import time

from tests.bench.engine import compact
from tests.bench.sample import sample_chunks

_ROUNDS = 8

if __name__ == "__main__":
    engine = compact().engine("auto")
    chunks = sample_chunks(30.0)
    engine.analyze(chunks)
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    for _ in range(_ROUNDS):
        engine.analyze(chunks)
    taken = time.perf_counter() - began
    print(_ROUNDS * sum(map(len, chunks)) / 16_000 / taken)
