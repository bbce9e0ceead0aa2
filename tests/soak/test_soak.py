"""A few hundred damaged inputs; the long form is `make soak`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.brokers.fixtures import Broker
from tests.soak.run import soak

pytestmark = pytest.mark.parts

INPUTS = 400


def test_every_damaged_input_is_answered_as_it_must_be(
    kafka_broker: Broker, tmp_path: Path, announce: Callable[[str], None]
) -> None:
    report = soak(kafka_broker.bootstrap, INPUTS, 7, tmp_path / "log", announce)
    assert report["flawless"], report
