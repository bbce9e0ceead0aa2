"""All threads of the service share a few of the C library's heaps."""

import ctypes
import os
import subprocess
import sys

import pytest

CODE = """
import ctypes, sys, threading
from consumer.allocator import bound_arenas
bound_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
ready = threading.Barrier(24)
def allocate():
    ready.wait()  # all at once: a thread that has ended leaves its arena to the next
    libc.malloc(100_000)
    ready.wait()
threads = [threading.Thread(target=allocate) for _ in range(24)]
for each in threads: each.start()
for each in threads: each.join()
sys.stderr.flush()
libc.malloc_stats()
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_stats"), reason="glibc's own")
@pytest.mark.parametrize(("chosen", "arenas"), [(None, 2), ("5", 5)])
def test_threads_share_arenas(chosen: str | None, arenas: int) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    if chosen is not None:
        environment["MALLOC_ARENA_MAX"] = chosen
    said = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True
    ).stderr
    assert said.count("Arena ") == arenas
