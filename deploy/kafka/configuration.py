"""What the brokers of a test cluster are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Node:
    """One process, broker and controller in one. Node ids start at 1."""

    id: int
    port: int
    controller_port: int
    folder: Path

    @property
    def bootstrap(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self.port}"


def broker_properties(node: Node, nodes: Sequence[Node]) -> dict[str, str]:
    """`server.properties` of one node of a KRaft cluster on loopback.

    Three nodes replicate everything three times and acknowledge by two, as a production cluster
    would. Timeouts are shorter than Kafka's defaults, or recovery times would measure those.
    """
    replicas = str(min(3, len(nodes)))
    in_sync = "2" if len(nodes) >= 3 else "1"
    client, controller = (f"127.0.0.1:{port}" for port in (node.port, node.controller_port))
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.id),
        "controller.quorum.voters": ",".join(
            f"{each.id}@127.0.0.1:{each.controller_port}" for each in nodes
        ),
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{client},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{client}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(node.folder / "data"),
        # A forgotten topic must fail its test, not appear with defaults.
        "auto.create.topics.enable": "false",
        "unclean.leader.election.enable": "false",
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": "4",
        # How soon a dead broker, member or owner of an open transaction is noticed.
        "broker.session.timeout.ms": "6000",
        "broker.heartbeat.interval.ms": "1000",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "group.consumer.min.session.timeout.ms": "6000",
        "group.consumer.session.timeout.ms": "6000",
        "group.consumer.min.heartbeat.interval.ms": "1000",
        "group.consumer.heartbeat.interval.ms": "1000",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        # Small enough for a laptop: the cleaner alone would take 128 MB of heap.
        "log.cleaner.dedupe.buffer.size": "2097152",
        "log.index.size.max.bytes": "1048576",
        "num.io.threads": "4",
        "num.network.threads": "2",
        "background.threads": "2",
    }
