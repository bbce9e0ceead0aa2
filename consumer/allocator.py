"""What Python and the C library's allocator keep of memory that nobody needs any more.

Objects and waveforms are megabytes, made by one thread and freed by another, with small blocks
between them: glibc keeps the holes, and memory rises for hours without a leak. Three things bound
it:

* One arena. By default glibc gives threads up to eight for each processor, and every burst of work
  leaves holes of its own in each. Its lock costs little: threads that run Python take turns anyway,
  and small blocks come from caches of each thread.
* Looking for cycles of objects now and then (each failed chunk leaves one, of its exception and its
  frames), though Python would wait for many more: what lies about is a hole later. A millisecond.
* Giving whole free pages back to the system then, which costs next to nothing.

Mapping large blocks one by one (M_MMAP_THRESHOLD) keeps memory flat, too, but doubles the cost of
inference on a CPU, whose tensors are large blocks.
"""

import ctypes
import gc
import threading
import time

_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h
_EVERY_S = 30.0


def hold_little() -> None:
    """Bound what is held from now on. Before other threads start."""
    libc = ctypes.CDLL(None)
    glibc = hasattr(libc, "malloc_trim")
    if glibc:
        libc.mallopt(_ARENA_MAX, 1)

    def run() -> None:
        while True:
            time.sleep(_EVERY_S)
            gc.collect()
            if glibc:
                libc.malloc_trim(0)

    threading.Thread(target=run, name="trim", daemon=True).start()
