"""Growth is told from standing still, and its samples are kept."""

import csv
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.chaos.growth import Growth

EVERY_S = 0.02
STILL = "import time; print(flush=True); time.sleep(60)"
LEAK = """
import time
print(flush=True)
kept = []
while True:
    kept.append(bytes(range(256)) * 200)
    time.sleep(0.005)
"""
FILES = """
import time
print(flush=True)
kept = []
while True:
    kept.append(open("/dev/null"))
    time.sleep(0.05)
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux tells it")
@pytest.mark.parametrize(("code", "flat"), [(STILL, True), (LEAK, False), (FILES, False)])
def test_growth_of_memory_and_of_open_files_shows(code: str, flat: bool, tmp_path: Path) -> None:
    kept = tmp_path / "samples.csv"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        growth = Growth(lambda: process.pid, kept, EVERY_S)
        growth.start()
        time.sleep(200 * EVERY_S)
        growth.finish()
        process.kill()
    assert growth.flat is flat, growth.report()
    rows = list(csv.DictReader(kept.read_text().splitlines()))
    assert len(rows) >= 50
    assert {int(row["pid"]) for row in rows} == {process.pid}
    assert all(float(row["rss_mb"]) >= float(row["anonymous_mb"]) > 0 for row in rows)
    assert kept.with_suffix(".png").exists()


def test_too_few_samples_say_nothing(tmp_path: Path) -> None:
    growth = Growth(lambda: None, tmp_path / "samples.csv", EVERY_S)
    growth.start()
    growth.finish()
    assert growth.flat is None
    assert growth.grown_mb is None
    assert growth.report() == {"samples": 0}
