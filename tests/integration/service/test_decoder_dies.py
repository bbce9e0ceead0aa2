"""A decoder process that dies or hangs costs its own chunk, and the service goes on."""

from pathlib import Path

import pytest

from consumer.errors import ExitCode, Reason
from tests.brokers.fixtures import Broker
from tests.service.installation import Installation
from tests.service.process import ServiceProcess

HARM = {
    b"segfault:": Reason.DECODER_CRASHED,
    b"spin:": Reason.DECODER_TIMEOUT,
    b"memory:": Reason.DECODER_CRASHED,
    b"hang:": Reason.DECODER_TIMEOUT,
}


@pytest.fixture
def installation(embedded_broker: Broker, unique: str, tmp_path: Path) -> Installation:
    """One partition, no events yet."""
    return Installation(embedded_broker.bootstrap, unique, tmp_path)


def test_each_harmful_chunk_is_dead_lettered_and_the_others_diarized(
    installation: Installation, tmp_path: Path
) -> None:
    harmful = [
        installation.chunk(2 * n, uri=installation.store(f"harm{n}", data))
        for n, data in enumerate(HARM)
    ]
    good = [installation.chunk(2 * n + 1) for n in range(len(HARM))]
    installation.publish(*(c for pair in zip(harmful, good, strict=True) for c in pair))
    environment = {**installation.environment, "SPEAKERSTREAM_DECODE_TIMEOUT_S": "2"}
    with ServiceProcess(
        environment, tmp_path / "log", module="tests.service.unruly_decoder"
    ) as service:
        results = {r.chunk_id: r for r in installation.await_results(2 * len(HARM))}
        assert service.terminate() == ExitCode.OK
    assert [results[c.chunk_id].reason for c in harmful] == [r.value for r in HARM.values()]
    assert {results[c.chunk_id].status for c in good} == {"diarized"}
    letters = installation.read(installation.topics.dead_letters)
    assert [letter.value for letter in letters] == [installation.encoder.encode(c) for c in harmful]
