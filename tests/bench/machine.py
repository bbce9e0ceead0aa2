"""What the figures were measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from consumer.inference.precision import native_bf16

_PACKAGES = ("torch", "nemo_toolkit", "numpy", "confluent-kafka", "fastavro", "speakerstream")


def describe() -> dict[str, Any]:
    """Processor, cores, threads, load and versions."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "torch_threads": torch.get_num_threads(),
        "load_average_before": os.getloadavg()[0],
        "bf16": native_bf16("cpu"),
        "cuda": torch.cuda.is_available(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
