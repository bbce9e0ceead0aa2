"""The precision that training computes in, on a CPU."""

import torch

from consumer.inference.precision import native_bf16


def products() -> torch.autocast:
    """bf16 for products, where the processor has it; fp32 elsewhere."""
    return torch.autocast("cpu", torch.bfloat16, enabled=native_bf16("cpu"))
