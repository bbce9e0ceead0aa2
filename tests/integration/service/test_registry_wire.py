"""The service with a registry: Confluent wire format in and out, and an outage waited out."""

from dataclasses import replace
from pathlib import Path

import pytest

from consumer.errors import ExitCode, Reason
from deploy.registry import SchemaRegistry
from schemas.codec import Decoder, Encoder
from schemas.records import AudioChunk, ChunkResult
from schemas.registry import ConfluentRegistry
from tests.brokers import client
from tests.brokers.fixtures import Broker
from tests.service.installation import Installation
from tests.service.process import ServiceProcess

pytestmark = pytest.mark.parts


@pytest.fixture
def installation(
    embedded_broker: Broker, schema_registry: SchemaRegistry, unique: str, tmp_path: Path
) -> Installation:
    """Topics, and the input's schema registered as a publisher does it."""
    topics = Installation(embedded_broker.bootstrap, unique, tmp_path)
    publisher = ConfluentRegistry(schema_registry.url, register=True)
    encoder = Encoder(publisher, {AudioChunk: topics.topics.audio_chunks})
    return replace(topics, encoder=encoder, existing=True)


def test_events_carry_registry_ids_and_an_outage_is_waited_out(
    installation: Installation, schema_registry: SchemaRegistry, tmp_path: Path
) -> None:
    environment = {
        **installation.environment,
        "SPEAKERSTREAM_SCHEMA_REGISTRY_URL": schema_registry.url,
        "SPEAKERSTREAM_REGISTER_SCHEMAS": "true",
    }
    with ServiceProcess(environment, tmp_path / "log") as service:
        service.await_line("partitions_assigned")
        schema_registry.suspend()
        try:
            installation.publish(*(installation.chunk(number) for number in range(3)))
            service.await_line("retrying")
        finally:
            schema_registry.resume()
        unknown_id = b"\0" + (987_654).to_bytes(4, "big") + b"x"
        installation.publish_raw((b"recording-0", unknown_id))
        records = client.read_committed(
            installation.bootstrap, installation.topics.chunk_results, count=4
        )
        assert service.terminate() == ExitCode.OK
    assert {(record.value or b"")[0] for record in records} == {0}
    decoder = Decoder(ConfluentRegistry(schema_registry.url))
    results = [decoder.decode(record.value or b"", ChunkResult) for record in records]
    assert [r.status for r in results] == ["diarized"] * 3 + ["failed"]
    assert results[-1].reason == Reason.UNKNOWN_SCHEMA.value
