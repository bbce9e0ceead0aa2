"""What the C library's allocator keeps of freed memory.

glibc gives threads heaps of their own ("arenas"), up to eight for each core, and memory goes back
to the one it came from. Here buffers of megabytes are made by many threads and freed by others, so
each arena grows to its own peak and stays there: memory rises for hours without a leak.
"""

import ctypes
import os

_M_ARENA_MAX = -8  # malloc.h
_ARENAS = 2  # as many as threads that hold the interpreter's lock or copy a buffer meanwhile


def bound_arenas() -> None:
    """Let all threads share a few arenas, from the next thread on.

    Not where the operator has chosen (MALLOC_ARENA_MAX), nor where the C library has no arenas.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt(_M_ARENA_MAX, _ARENAS)
