"""Pipelines and clusterers import these: none may bring torch or NeMo along."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "producer_tools.publisher",
        "producer_tools.linking",
        "producer_tools.cli",
        "producer_tools.demo",
        "producer_tools.report.command",
        "producer_tools.labels",
        "consumer.events",
        "schemas.codec",
    ],
)
def test_no_torch_at_import(module: str) -> None:
    code = (
        f"import sys, {module}; "
        "sys.exit(', '.join({'torch', 'nemo', 'lightning', 'pandas'} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{module} imports {done.stderr}"
