"""Variants that are timed in turn, each in a process of its own.

In one process they share the C library's heap. What one leaves there decided whether the memory of
the other's large tensors went back to the system after each of them: the same handler took 11.8 s
for two chunks, or 15.8 s, 4 s of it in the kernel, which mapped the same pages anew.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import torch

from tests.bench.measure import Taken

Make = Callable[[], Callable[[], object]]
"""Called in the new process, gives what is timed there; of a module's top level, or a partial."""


@contextmanager
def apart(make: Make) -> Iterator[Callable[[], Taken]]:
    """What runs `make()`'s result once in its process, and says how long that took there."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(make, there), daemon=True)
    process.start()
    there.close()

    def run() -> Taken:
        here.send(True)
        taken: Taken = here.recv()  # EOFError where the process has died
        return taken

    try:
        yield run
    finally:
        here.close()
        process.join(10.0)
        process.kill()


def _serve(make: Make, connection: Connection) -> None:
    torch.set_num_threads(1)
    run = make()
    while True:
        try:
            connection.recv()
        except EOFError:
            return
        began, began_cpu = time.perf_counter(), time.process_time()
        run()
        connection.send(Taken(time.perf_counter() - began, time.process_time() - began_cpu))
