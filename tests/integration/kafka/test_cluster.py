"""Three brokers of Apache Kafka: what they tell clients, and that faults are what they say."""

import os
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource

from consumer.records import OutputRecord
from deploy.kafka import KafkaCluster
from tests.brokers.client import create_topics, produce, read_to_end
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.parts


@pytest.fixture(scope="module")
def cluster(kafka_jars: None) -> Iterator[KafkaCluster]:
    with KafkaCluster(brokers=3) as kafka:
        yield kafka


def test_everything_is_replicated_and_acknowledged_by_two(
    cluster: KafkaCluster, unique: str
) -> None:
    create_topics(cluster.bootstrap, unique)
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    assert set(admin.list_topics(timeout=PATIENCE_S).brokers) == {1, 2, 3}
    assert len(admin.list_topics(timeout=PATIENCE_S).topics[unique].partitions[0].replicas) == 3
    (future,) = admin.describe_configs([ConfigResource("topic", unique)]).values()
    settings = {name: entry.value for name, entry in future.result(timeout=PATIENCE_S).items()}
    assert settings["min.insync.replicas"] == "2"
    assert settings["unclean.leader.election.enable"] == "false"


def test_records_survive_the_death_of_their_leader(cluster: KafkaCluster, unique: str) -> None:
    create_topics(cluster.bootstrap, unique)
    produce(cluster.bootstrap, OutputRecord(unique, b"key", b"before"))
    leader = leader_of(cluster, unique)
    pid = cluster.pid(leader)
    cluster.kill(leader)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    produce(cluster.bootstrap, OutputRecord(unique, b"key", b"after"))
    assert leader_of(cluster, unique) != leader
    cluster.start(leader)
    assert cluster.pid(leader) != pid
    assert [each.value for each in read_to_end(cluster.bootstrap, unique)] == [b"before", b"after"]


def test_a_controlled_shutdown_hands_the_partition_over(cluster: KafkaCluster, unique: str) -> None:
    create_topics(cluster.bootstrap, unique)
    leader = leader_of(cluster, unique)
    cluster.stop(leader)
    # Nobody waits for the session to expire, 6 s.
    until(lambda: leader_of(cluster, unique) != leader, lambda: leader, within_s=4)
    produce(cluster.bootstrap, OutputRecord(unique, b"key", b"value"))
    cluster.start(leader)


def test_a_suspended_broker_answers_nothing_until_resumed(
    cluster: KafkaCluster, unique: str
) -> None:
    create_topics(cluster.bootstrap, unique)
    leader = leader_of(cluster, unique)
    cluster.suspend(leader)
    # Only this broker is known to it. A client made before may have learnt of the others by now.
    alone = AdminClient({"bootstrap.servers": cluster.nodes[leader - 1].bootstrap})
    try:
        with pytest.raises(KafkaException, match="Failed to get metadata"):
            alone.list_topics(timeout=2)
    finally:
        cluster.resume(leader)
    assert unique in alone.list_topics(timeout=PATIENCE_S).topics


def leader_of(cluster: KafkaCluster, topic: str) -> int:
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})

    def leader() -> int:
        return int(admin.list_topics(timeout=PATIENCE_S).topics[topic].partitions[0].leader)

    until(lambda: leader() > 0, lambda: f"no leader of {topic}")
    return leader()
