"""Producing the outputs of a burst, and what became of them: for either kind of delivery."""

from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from consumer.errors import FatalError
from consumer.kafka.clients import refused
from consumer.records import OutputRecord

_ANY = -1  # partition: the partitioner's choice
_CONSEQUENCES = (  # of another error: given up with the others, some delivery failed
    KafkaError._PURGE_QUEUE,
    KafkaError._PURGE_INFLIGHT,
    KafkaError._INCONSISTENT,
)
# Errors of brokers that are away, change leaders or lack replicas (the client says of no delivery
# whether it may be retried), and those of a group that rebalances: the next poll settles them.
_PASSING = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._MSG_TIMED_OUT,
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.CONCURRENT_TRANSACTIONS,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.NOT_COORDINATOR,
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.STALE_MEMBER_EPOCH,
        KafkaError.UNKNOWN_MEMBER_ID,
        *_CONSEQUENCES,
    }
)


def refuses(error: KafkaError) -> bool:
    """Whether a broker says no, and not merely not now."""
    return not error.retriable() and error.code() not in _PASSING


class Outbox:
    """What is produced, and what a broker said against it. For the owner thread.

    `errors` holds those of the outputs produced last; delivery reports add to it within the
    producer's own calls. `lacking` is the end of a process whose principal lacks a right.
    """

    def __init__(self) -> None:
        self.errors: list[KafkaError] = []
        self.lacking: FatalError | None = None

    @property
    def reasons(self) -> list[KafkaError]:
        """One error of each kind, those of outputs that were given up with others left out."""
        kinds = {error.code(): error for error in self.errors}
        return [error for code, error in kinds.items() if code not in _CONSEQUENCES]

    @property
    def refused(self) -> bool:
        """Whether a broker said no to one of the outputs produced last."""
        return any(map(refuses, self.errors))

    def produce(self, producer: Producer, outputs: Sequence[OutputRecord]) -> bool:
        """Hand `outputs` to the client, in order; does not wait for the broker.

        False when the client remembers that a broker refuses a topic: what follows was not
        produced, because all of it has to be given up together.
        """
        self.errors = []
        produce, report = producer.produce, self._delivered
        for output in outputs:
            # Bursts are far smaller than the client's queue (see clients.py): it is never full.
            # By position: with names the same call takes the client nearly twice as long, and
            # there are twenty and more for a chunk.
            try:
                if output.headers:
                    headers: list[tuple[str, str | bytes | None]] = [*output.headers]
                    produce(output.topic, output.value, output.key, _ANY, report, headers=headers)
                else:
                    produce(output.topic, output.value, output.key, _ANY, report)
            except KafkaException as raised:
                self._note(raised.args[0], output.topic)
                return False
        return True

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._note(error, message.topic() or "")

    def _note(self, error: KafkaError, topic: str) -> None:
        self.errors.append(error)
        if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            self.lacking = refused(error, f"WRITE on the topic {topic}")
