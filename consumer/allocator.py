"""What the C library's allocator keeps of freed memory.

Objects and waveforms are megabytes, made by one thread and freed by another, with small blocks
between them: glibc keeps the holes, and memory rises for hours without a leak. Mapping large blocks
one by one (M_MMAP_THRESHOLD) keeps it flat, too, but doubles the cost of inference on a CPU, whose
tensors are large blocks. Giving the holes back now and then costs next to nothing.
"""

import ctypes
import threading
import time

_EVERY_S = 30.0


def keep_trimming() -> None:
    """Start a thread that gives freed memory back to the system, where the C library can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return

    def run() -> None:
        while True:
            time.sleep(_EVERY_S)
            trim(0)

    threading.Thread(target=run, name="trim", daemon=True).start()
