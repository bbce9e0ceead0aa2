"""Freed memory goes back to the system, though small blocks lie between what was freed."""

import ctypes
import subprocess
import sys

import pytest

FREED = """
import ctypes, time
from consumer import allocator

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

large = []
for _ in range(2000):
    large.append(libc.malloc(100_000))
    ctypes.memset(large[-1], 1, 100_000)
    libc.malloc(64)  # kept
full = resident_mb()
for block in large:
    libc.free(block)
assert resident_mb() > full - 50, "nothing is held back here: this test shows nothing"
allocator._EVERY_S = 0.05
allocator.hold_little()
while resident_mb() > full - 150:
    time.sleep(0.05)
"""

ARENAS = """
import ctypes, threading, time
from consumer import allocator

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p

def addresses():
    return [line.split("-")[0] for line in open("/proc/self/maps")]

def arenas():
    # glibc's further arenas begin at multiples of 64 MB, the main one does not.
    return sum(int(each, 16) % (64 << 20) == 0 for each in addresses())

allocator.hold_little()
before = arenas()
together = threading.Barrier(8)

def work():
    together.wait()
    libc.malloc(50_000)
    together.wait()

threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert arenas() <= before, f"{arenas() - before} arenas more"
"""


CYCLES = """
import gc, time, weakref
from consumer import allocator

class Thing: pass

gc.set_threshold(1_000_000)
thing = Thing()
thing.itself = thing
seen = weakref.ref(thing)
del thing
assert seen() is not None
allocator._EVERY_S = 0.05
allocator.hold_little()
while seen() is not None:
    time.sleep(0.05)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc's own")
@pytest.mark.parametrize("code", [FREED, ARENAS, CYCLES], ids=["freed memory", "arenas", "cycles"])
def test_little_is_held(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
