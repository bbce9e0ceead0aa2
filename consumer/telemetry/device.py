"""Memory of the device the models are on."""

import sys


def memory_bytes() -> float:
    """What PyTorch's allocator holds of the current GPU, in bytes; 0 without one.

    Never imports torch: an engine that does not use it must not pay for a metric.
    """
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return 0.0
    return float(torch.cuda.memory_reserved())
