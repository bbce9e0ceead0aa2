"""The storm in its one-minute form."""

from pathlib import Path

import pytest

from tests.chaos.run import Protocol, storm


@pytest.mark.parts
@pytest.mark.timeout(600)
@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_minute_of_storm_loses_and_repeats_nothing(
    kafka_jars: None, tmp_path: Path, protocol: Protocol
) -> None:
    report = storm(protocol, seconds=60, seed=7, rate=30, keep=tmp_path)
    assert report["flawless"], report
    assert report["inputs"] > 1000
    assert report["transactions"]["committed"] > 0
