"""Delivery for brokers without transactions: outputs first, then the offsets they answer.

A process that ends between the two leaves outputs whose input is read again: its successor repeats
them, with the same ids. Nothing else repeats: a burst whose outputs have arrived is never produced
again by this process, only its offsets are committed later.
"""

import time
from collections.abc import Callable

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from consumer import faults
from consumer.errors import TransientError
from consumer.kafka.clients import fatal
from consumer.kafka.deadline import Deadline
from consumer.kafka.offsets import Burst
from consumer.kafka.outputs import Outbox
from consumer.kafka.transaction import Outcome

log = structlog.get_logger(__name__)

_LEAST_S = 0.1  # to commit offsets at the deadline: that is resumed with the next call
# Errors of a commit that trying again does not mend. All others are those of a broker that is
# away or of a group that is rebalancing: the next poll settles who owns what.
_HOPELESS = (
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.OFFSET_METADATA_TOO_LARGE,
    KafkaError.FENCED_INSTANCE_ID,
)


class AtLeastOnce:
    """Publishes with a plain idempotent producer, waits for every report, commits the offsets.

    `owns` says whether a partition is still owned in an epoch: only then is it committed.
    Implements `consumer.kafka.transaction.Committer`.
    """

    def __init__(
        self,
        producer: Producer,
        consumer: Consumer,
        input_topic: str,
        owns: Callable[[int, int], bool],
    ) -> None:
        self._producer = producer
        self._consumer = consumer
        self._input_topic = input_topic
        self._owns = owns
        self._pending: Burst | None = None
        self._outbox = Outbox()
        self._committing: Deadline[list[TopicPartition] | None] = Deadline("commit offsets")

    def start(self, timeout_s: float) -> None:
        """Nothing to prepare."""

    @property
    def pending(self) -> Burst | None:
        """The burst whose outcome is not known yet."""
        return self._pending

    def commit(self, burst: Burst, timeout_s: float) -> Outcome:
        """See `Committer.commit`. ABORTED, REFUSED: an output was not taken, nothing committed."""
        deadline = time.monotonic() + timeout_s
        if self._pending is None:
            self._produce(burst)
        if left := self._producer.flush(timeout_s):
            raise TransientError(f"the broker did not acknowledge {left} events in time")
        if burst.outputs:  # or a kill here would repeat nothing
            faults.point("after_produce")
        if self._outbox.errors:
            self._not_taken(self._outbox.errors[0])
            self._pending = None
            return Outcome.REFUSED if self._outbox.refused else Outcome.ABORTED
        self._commit_offsets(burst, max(_LEAST_S, deadline - time.monotonic()))
        self._pending = None
        return Outcome.COMMITTED

    def _produce(self, burst: Burst) -> None:
        self._pending = burst
        faults.point("after_begin")
        self._outbox.produce(self._producer, burst.outputs)

    def _not_taken(self, error: KafkaError) -> None:
        if self._outbox.lacking is not None:
            raise self._outbox.lacking
        if error.fatal() or error.code() == KafkaError._FATAL:
            raise fatal(KafkaException(error), "the producer failed")
        log.warning("outputs_refused", error=str(error), outputs=len(self._outbox.errors))

    def _commit_offsets(self, burst: Burst, timeout_s: float) -> None:
        try:
            for each in self._answers(burst, timeout_s) or ():
                if each.error is not None:
                    raise KafkaException(each.error)
        except KafkaException as raised:
            error: KafkaError = raised.args[0]
            if error.fatal() or error.code() in _HOPELESS:
                raise fatal(raised, "could not commit the group's offsets") from raised
            raise TransientError(f"the offsets were not committed: {error.str()}") from raised
        faults.point("after_send_offsets")

    def _answers(self, burst: Burst, timeout_s: float) -> list[TopicPartition] | None:
        if self._committing.under_way:
            return self._committing.resume(timeout_s)
        offsets = [
            TopicPartition(
                self._input_topic, step.partition, step.offset, step.attempts.to_metadata()
            )
            for step in burst.progress
            if self._owns(step.partition, step.epoch)
        ]
        if not offsets:
            return None
        faults.point("in_commit")
        return self._committing.begin(
            lambda: self._consumer.commit(offsets=offsets, asynchronous=False), timeout_s
        )
