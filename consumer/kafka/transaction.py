"""The burst transaction: finished outputs and the offsets they answer, all or nothing.

A transaction is open for milliseconds, never over fetching or inference. Every call to the broker
is bounded (by `deadline.py` where the client is not); a call that runs into its bound is *resumed*
later at the same step, because its outcome is unknown until the broker has answered it. What only
asks the client's own main thread (beginning, the group's metadata) needs no bound: that thread
waits for no broker. Error triage follows librdkafka's manual: fatal, then "requires abort", then
retriable, and anything else is fatal; so is a member whose place in the group was taken.

A producer with a fatal error is lost, and so is one that is silent for longer than its transaction
may be open; but not its transaction: a new one with the same transactional id makes the broker
finish or abort it, and the group's offsets then say which it was.

A fenced producer is replaced too when its transaction was open for longer than the broker allows:
an outage outlasted it, and the coordinator fences what it times out. Fenced any sooner, another
process has taken over, and this one ends. The clock cannot tell the rare third case, a process that
stood still with an open transaction while a successor took over: then the successor is fenced, ends
and, started again, takes over for good. The group admits the offsets of its members alone, so
nothing is published twice meanwhile.
"""

import threading
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from consumer import faults
from consumer.errors import TransientError
from consumer.kafka.clients import FENCED, fatal
from consumer.kafka.deadline import Deadline
from consumer.kafka.offsets import Burst
from consumer.kafka.outputs import Outbox, refuses

log = structlog.get_logger(__name__)

_LEAST_S = 0.1  # for a step that begins at the deadline: it is resumed with the next call


class Outcome(Enum):
    """How a transaction ended."""

    COMMITTED = auto()
    ABORTED = auto()  # brokers were away, or the group has moved on: to be tried again
    REFUSED = auto()  # aborted because a broker said no, as it may each time it is tried again


class _Step(Enum):
    SEND_OFFSETS = auto()
    COMMIT = auto()
    ABORT = auto()
    START_AGAIN = auto()  # with a new producer
    LOOK_UP = auto()  # what became of the lost producer's transaction


class Committer(Protocol):
    """Publishes a burst and commits its offsets."""

    def start(self, timeout_s: float) -> None:
        """Prepare, before anything is polled. Raises TransientError, FatalError."""
        ...

    @property
    def pending(self) -> Burst | None:
        """The burst whose outcome is not known yet."""
        ...

    def commit(self, burst: Burst, timeout_s: float) -> Outcome:
        """Publish and commit `burst`, or resume the pending one (then `burst` must be that).

        Raises TransientError when the broker did not answer in time: call again, with the pending
        burst. Raises FatalError when this process has been fenced or cannot go on.
        """
        ...


class BurstTransaction:
    """Exactly once: outputs and offsets in one Kafka transaction.

    `new_producer` makes a producer, again when one was lost. `owns` says, just before offsets are
    sent, whether a partition is still owned in an epoch. `allowed_s` is how long the broker lets a
    transaction be open (transaction.timeout.ms).
    """

    def __init__(
        self,
        new_producer: Callable[[], Producer],
        consumer: Consumer,
        input_topic: str,
        owns: Callable[[int, int], bool],
        allowed_s: float,
    ) -> None:
        self._new_producer = new_producer
        self._producer = new_producer()
        self._consumer = consumer
        self._input_topic = input_topic
        self._owns = owns
        self._allowed_s = allowed_s
        self._began = 0.0
        self._refused = False  # by a broker that was asked to take the offsets
        self._step: _Step | None = None
        self._pending: Burst | None = None
        self._outbox = Outbox()
        self._sending: Deadline[None] = Deadline("send offsets")

    def start(self, timeout_s: float) -> None:
        """Fence whoever used this transactional id before, and finish what it left open."""
        try:
            self._producer.init_transactions(timeout_s)
        except KafkaException as error:
            if error.args[0].retriable() or error.args[0].code() == KafkaError._TIMED_OUT:
                raise TransientError(f"the broker did not answer: {error.args[0].str()}") from error
            raise fatal(error, "could not start transactions") from error

    @property
    def pending(self) -> Burst | None:
        """The burst whose outcome is not known yet."""
        return self._pending

    def commit(self, burst: Burst, timeout_s: float) -> Outcome:
        """See `Committer.commit`."""
        deadline = time.monotonic() + timeout_s

        def left_s() -> float:
            return max(_LEAST_S, deadline - time.monotonic())

        if self._pending is None:
            self._begin(burst)
        if self._step is _Step.SEND_OFFSETS:
            self._send_offsets(burst, left_s())
        if self._step is _Step.COMMIT:
            faults.point("in_commit")
            self._call(lambda: self._producer.commit_transaction(left_s()), _Step.COMMIT)
            if self._step is _Step.COMMIT:
                return self._end(Outcome.COMMITTED)
        if self._step is _Step.ABORT:
            self._call(lambda: self._producer.abort_transaction(left_s()), _Step.ABORT)
            if self._step is _Step.ABORT:
                return self._end(Outcome.ABORTED)
        if self._step is _Step.START_AGAIN:
            self.start(left_s())
            self._step = _Step.LOOK_UP
        committed = self._took_effect(burst, left_s())
        return self._end(Outcome.COMMITTED if committed else Outcome.ABORTED)

    def _end(self, outcome: Outcome) -> Outcome:
        log.debug("transaction_ended", outcome=outcome.name)
        self._pending = self._step = None
        if outcome is Outcome.COMMITTED:
            return outcome
        for error in self._outbox.reasons:
            log.warning("outputs_not_taken", error=str(error))
        if self._outbox.lacking is not None:
            raise self._outbox.lacking
        return Outcome.REFUSED if self._refused or self._outbox.refused else outcome

    def _begin(self, burst: Burst) -> None:
        self._pending, self._began, self._refused = burst, time.monotonic(), False
        self._call(self._producer.begin_transaction, _Step.SEND_OFFSETS)
        if self._step is not _Step.SEND_OFFSETS:
            return
        faults.point("after_begin")
        if not self._outbox.produce(self._producer, burst.outputs):
            log.warning("output_refused", error=str(self._outbox.errors[0]))
            self._step = _Step.ABORT
            return
        faults.point("after_produce")

    def _send_offsets(self, burst: Burst, timeout_s: float) -> None:
        try:
            if self._sending.under_way:
                self._call(lambda: self._sending.resume(timeout_s), _Step.COMMIT)
            else:
                self._begin_to_send(burst, timeout_s)
        except TransientError as waiting:
            if not self._sending.under_way or self._open_s <= self._allowed_s:
                raise
            # By now the coordinator has aborted the transaction, whatever the client waits for.
            self._replace_producer(str(waiting))
        if burst.outputs:  # or there is nothing that a kill here could lose
            faults.point("after_send_offsets")

    def _begin_to_send(self, burst: Burst, timeout_s: float) -> None:
        still_owned = all(self._owns(step.partition, step.epoch) for step in burst.progress)
        if not still_owned or not self._consumer.memberid():
            # Without a member id the broker could not tell this process from a zombie.
            self._step = _Step.ABORT
            return
        offsets = [
            TopicPartition(
                self._input_topic, step.partition, step.offset, step.attempts.to_metadata()
            )
            for step in burst.progress
        ]
        metadata = self._consumer.consumer_group_metadata()
        self._call(
            lambda: self._sending.begin(
                lambda: self._producer.send_offsets_to_transaction(offsets, metadata, timeout_s),
                timeout_s,
            ),
            _Step.COMMIT,
        )

    @property
    def _open_s(self) -> float:
        return time.monotonic() - self._began

    def _replace_producer(self, why: str) -> None:
        log.warning("producer_lost", error=why, open_s=round(self._open_s, 1))
        lost = [self._producer]
        self._producer = self._new_producer()
        self._sending = Deadline("send offsets")
        self._step = _Step.START_AGAIN
        # Dropping the last reference ends the client and waits for its threads: not in this one.
        threading.Thread(target=lost.clear, name="lost producer", daemon=True).start()

    def _call(self, call: Callable[[], None], next_step: _Step) -> None:
        try:
            call()
        except KafkaException as raised:
            error: KafkaError = raised.args[0]
            if error.fatal() and (error.code() not in FENCED or self._open_s > self._allowed_s):
                self._replace_producer(str(error))
                return
            # Of a member that was replaced the transaction could be aborted, again and again.
            if error.fatal() or error.code() == KafkaError.FENCED_INSTANCE_ID:
                raise fatal(raised, "the producer failed") from raised
            if error.txn_requires_abort():
                log.warning("transaction_aborted", error=str(error))
                self._refused |= refuses(error)
                self._step = _Step.ABORT
                return
            if error.retriable() or error.code() == KafkaError._TIMED_OUT:
                raise TransientError(f"the broker did not answer: {error.str()}") from raised
            raise fatal(raised, "a transaction failed") from raised
        self._step = next_step

    def _took_effect(self, burst: Burst, timeout_s: float) -> bool:
        """Whether the lost producer's transaction was committed.

        Told by a partition that is still owned, so nobody else has committed, and that moved.
        """
        moved = {
            step.partition: step.offset
            for step in burst.progress
            if step.finished and self._owns(step.partition, step.epoch)
        }
        if not moved:
            return False  # nothing to publish again, or nobody to publish it
        asked = [TopicPartition(self._input_topic, partition) for partition in moved]
        try:
            answers = self._consumer.committed(asked, timeout=timeout_s)
        except KafkaException as error:
            raise TransientError(f"the broker did not answer: {error.args[0].str()}") from error
        if errors := [answer.error for answer in answers if answer.error is not None]:
            raise TransientError(f"the broker did not answer: {errors[0].str()}")
        return all(answer.offset >= moved[answer.partition] for answer in answers)
