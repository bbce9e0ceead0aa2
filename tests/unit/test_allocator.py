"""Freed memory goes back to the system, though small blocks lie between what was freed."""

import ctypes
import subprocess
import sys

import pytest

CODE = """
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
allocator.keep_trimming()
while resident_mb() > full - 150:
    time.sleep(0.05)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc's own")
def test_what_was_freed_goes_back() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True, timeout=60)
