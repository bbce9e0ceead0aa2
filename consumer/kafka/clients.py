"""The librdkafka clients: what the design owns, what an operator may set, how they fail."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from consumer.errors import ExitCode, FatalError

OWNED_PROPERTIES = frozenset(
    {
        "auto.commit.interval.ms",
        "auto.offset.reset",
        "bootstrap.servers",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "enable.partition.eof",
        "group.id",
        "group.protocol",
        "isolation.level",
        "partition.assignment.strategy",
        "partitioner",
        "message.max.bytes",
        "message.timeout.ms",
        "transactional.id",
        "transaction.timeout.ms",
    }
)
"""librdkafka properties whose values the delivery promise depends on: refused as overrides."""

MAX_POLL_INTERVAL_MS = 120_000
"""Instead of librdkafka's five minutes. The owner loop's watchdog ends a process that has not
polled for a minute and a half, and in the consumer protocol this is also how long the whole group
waits for a member that does not hear, or does not obey, that a partition is taken from it.
"""

_LARGEST_BATCH = 1_000_000  # librdkafka's own choice

FENCED = (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How to reach the cluster, and as whom."""

    bootstrap_servers: str
    group_id: str
    instance_id: str
    group_protocol: Literal["classic", "consumer"] = "classic"
    transactional: bool = True
    transaction_timeout_s: float = 10.0
    max_message_bytes: int = 1_000_000  # of the topic that takes the largest
    max_batch_bytes: int = 1_000_000  # of the topic that takes the least
    properties: Mapping[str, str] = field(default_factory=dict)
    consumer_properties: Mapping[str, str] = field(default_factory=dict)
    producer_properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def transactional_id(self) -> str:
        """Stable for an instance, so that its successor fences it and finishes what it left."""
        return f"{self.group_id}.{self.instance_id}"

    @property
    def max_poll_interval_s(self) -> float:
        """How long the group waits for a member that does not poll."""
        return float(consumer_config(self)["max.poll.interval.ms"]) / 1000


def consumer_config(options: ClientOptions) -> dict[str, str | int | bool]:
    """Properties of the consumer."""
    config: dict[str, str | int | bool] = {
        "client.id": f"speakerstream-{options.instance_id}",
        # References are tiny: the default prefetch of 64 MB is hours of recordings.
        "queued.max.messages.kbytes": 1024,
        "queued.min.messages": 1000,
        "statistics.interval.ms": 5000,
        "max.poll.interval.ms": MAX_POLL_INTERVAL_MS,
        **options.properties,
        **options.consumer_properties,
        "bootstrap.servers": options.bootstrap_servers,
        "group.id": options.group_id,
        "group.protocol": options.group_protocol,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        # Where to start is a decision (see source.py), never a default that skips or repeats data.
        "auto.offset.reset": "error",
        # The end of a partition lies after its transaction markers: only this event tells where.
        "enable.partition.eof": True,
    }
    if options.group_protocol == "classic":
        config["partition.assignment.strategy"] = "cooperative-sticky"
    return config


def producer_config(options: ClientOptions) -> dict[str, str | int | bool]:
    """Properties of the producer."""
    delivery: dict[str, str | int | bool] = (
        {
            "transactional.id": options.transactional_id,
            "transaction.timeout.ms": int(options.transaction_timeout_s * 1000),
        }
        if options.transactional
        # An event waits for its broker however long that is away: giving up would repeat it.
        else {"enable.idempotence": True, "message.timeout.ms": 0}
    )
    return {
        "client.id": f"speakerstream-{options.instance_id}",
        "linger.ms": 0,
        # A topic's max.message.bytes holds for whole batches: those of a burst would exceed it.
        "batch.size": min(_LARGEST_BATCH, options.max_batch_bytes),
        "compression.type": "zstd",
        **options.properties,
        **options.producer_properties,
        "bootstrap.servers": options.bootstrap_servers,
        **delivery,
        # What Java clients use: a recording stays in one partition whoever publishes.
        "partitioner": "murmur2_random",
        # Larger than any burst, so that producing never finds the queue full. The size of a
        # message is checked before a burst; the margin is for its framing.
        "queue.buffering.max.messages": 1_000_000,
        "message.max.bytes": options.max_message_bytes + 100_000,
        # Nobody asks for the others, and each would be a call back into Python.
        "delivery.report.only.error": True,
    }


def consumer(options: ClientOptions, on_statistics: Callable[[str], None]) -> Consumer:
    """A consumer; FatalError names a property that librdkafka refuses.

    `on_statistics` gets librdkafka's statistics (JSON) within polls.
    """
    try:
        return Consumer({**consumer_config(options), "stats_cb": on_statistics}, logger=_log)
    except KafkaException as error:
        raise _refused(error) from error


def producer(options: ClientOptions) -> Producer:
    """A producer; FatalError names a property that librdkafka refuses."""
    try:
        return Producer(producer_config(options), logger=_log)
    except KafkaException as error:
        raise _refused(error) from error


def admin(options: ClientOptions) -> AdminClient:
    """A client for questions about the cluster."""
    config: dict[str, str | int | float | bool] = {
        **options.properties,
        "bootstrap.servers": options.bootstrap_servers,
    }
    return AdminClient(config, logger=_log)


_log = logging.getLogger("librdkafka")


def _refused(error: KafkaException) -> FatalError:
    return FatalError(
        ExitCode.SETTINGS, f"librdkafka refused the Kafka properties: {error.args[0].str()}"
    )


def fatal(raised: KafkaException, what: str) -> FatalError:
    """The end of the process, with the sentence that fits the client's error."""
    error = _known(raised.args[0])
    if error.code() in FENCED:
        return FatalError(
            ExitCode.FENCED,
            "another process took over this one's transactional id: give every process its own "
            f"instance_id ({error.str()})",
        )
    if error.code() == KafkaError.FENCED_INSTANCE_ID:
        return FatalError(
            ExitCode.FENCED,
            "another member of the group has the same group.instance.id: give every process its "
            f"own ({error.str()})",
        )
    if error.code() == KafkaError.UNRELEASED_INSTANCE_ID:
        return FatalError(
            ExitCode.FENCED,
            "a member of the group holds this process's group.instance.id: if that was its "
            "predecessor, and was killed, start it again once the group's session timeout has "
            f"passed; otherwise give every process its own ({error.str()})",
        )
    if right := _RIGHTS.get(error.code()):
        return refused(error, right)
    return FatalError(ExitCode.KAFKA, f"{what}: {error.str()} ({error.name()})")


_HELD_BY_ANOTHER = (KafkaError.FENCED_INSTANCE_ID, KafkaError.UNRELEASED_INSTANCE_ID)

_RIGHTS = {
    KafkaError.GROUP_AUTHORIZATION_FAILED: "READ on the group named by group_id",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: (
        "WRITE on the transactional id, which is group_id.instance_id"
    ),
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "IDEMPOTENT_WRITE on the cluster",
}


def _known(error: KafkaError) -> KafkaError:
    """The error that a client's _FATAL stands for, if it is one with a sentence of its own.

    What a consumer reports says no more of it than librdkafka's words.
    """
    if error.code() == KafkaError._FATAL:
        for code in (*FENCED, *_HELD_BY_ANOTHER, *_RIGHTS):
            if KafkaError(code).str() in error.str():
                return KafkaError(code, error.str(), True)
    return error


def refused(error: KafkaError, right: str) -> FatalError:
    """The end of a process whose principal lacks `right`."""
    return FatalError(
        ExitCode.KAFKA,
        f"the broker refuses this principal {right}: grant it (deploy/README.md lists all rights "
        f"the service needs) ({error.str()})",
    )
