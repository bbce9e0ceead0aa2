"""Ends of the process that accuse none of its chunks."""

from pathlib import Path

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from consumer.errors import ExitCode
from tests.brokers.fixtures import Broker
from tests.service.installation import Installation
from tests.service.process import ServiceProcess
from tests.waiting import PATIENCE_S


def test_an_output_topic_that_refuses_a_chunk_does_not_make_it_a_killer(
    kafka_broker: Broker, unique: str, tmp_path: Path
) -> None:
    installation = Installation(kafka_broker.bootstrap, unique, tmp_path)
    installation.publish(installation.chunk(0))
    _limit(installation, 300)
    with ServiceProcess(installation.environment, tmp_path / "log") as service:
        assert service.wait() == ExitCode.KAFKA
        assert "max.message.bytes" in service.said()
    group = Consumer({"bootstrap.servers": kafka_broker.bootstrap, "group.id": installation.name})
    asked = [TopicPartition(installation.topics.audio_chunks, 0)]
    (committed,) = group.committed(asked, timeout=PATIENCE_S)
    group.close()
    assert (committed.offset, committed.metadata) == (0, '{"attempts":0}')


def _limit(installation: Installation, most_bytes: int) -> None:
    entry = ConfigEntry(
        "max.message.bytes", str(most_bytes), incremental_operation=AlterConfigOpType.SET
    )
    results = ConfigResource(
        ResourceType.TOPIC, installation.topics.chunk_results, incremental_configs=[entry]
    )
    admin = AdminClient({"bootstrap.servers": installation.bootstrap})
    for future in admin.incremental_alter_configs([results]).values():
        future.result(PATIENCE_S)
