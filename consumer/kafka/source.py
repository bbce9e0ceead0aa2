"""The input topic: polling, flow control and rebalances. Used by the owner thread alone."""

import math
from collections.abc import Callable, Iterable, Sequence
from operator import methodcaller
from typing import Literal, Protocol

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumer.errors import ExitCode, FatalError, TransientError
from consumer.kafka.attempts import Attempts
from consumer.kafka.clients import fatal, refused
from consumer.kafka.ends import Ends
from consumer.kafka.offsets import Offsets
from consumer.kafka.patience import ask
from consumer.kafka.release import give_back
from consumer.records import Headers, InputRecord

log = structlog.get_logger(__name__)

Start = Literal["earliest", "latest"]

# Of a name that is not UTF-8 the client returns half a result *and* an error. Called from C, such a
# result is checked and given up; the interpreter, once it has specialised a call, uses it.
_READ_HEADERS = methodcaller("headers")


class Watch(Protocol):
    """What is told of the group; must neither raise nor wait."""

    def rebalanced(self, kind: str, partitions: Sequence[int]) -> None:
        """`kind` is assigned, revoked or lost."""
        ...

    def client_error(self, name: str) -> None:
        """An error that the client mends itself, by librdkafka's name."""
        ...


class Source:
    """Polls the input topic and keeps `offsets` in step with the assignment.

    `on_revoke(partitions)` runs inside a poll while the partitions are still owned: it must finish
    and commit what it can, within its own deadline, because they are gone when it returns.
    `on_lost(partitions)` runs when they are gone already: nothing may be committed. `go_on()` is
    asked while brokers do not answer; False: the process is stopping, wait no longer.
    """

    def __init__(
        self,
        consumer: Consumer,
        topic: str,
        offsets: Offsets,
        *,
        start: Start | None,
        on_revoke: Callable[[list[int]], None],
        on_lost: Callable[[list[int]], None],
        go_on: Callable[[], bool],
        watch: Watch,
        ends: Ends,
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._offsets = offsets
        self._start = start
        self._on_revoke = on_revoke
        self._on_lost = on_lost
        self._go_on = go_on
        self._watch = watch
        self._ends = ends
        self._paused: set[int] = set()

    def subscribe(self) -> None:
        """Join the group."""
        self._consumer.subscribe(
            [self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

    def poll(self, timeout_s: float, most: int) -> list[InputRecord]:
        """Up to `most` records, in order within a partition; waits for the first of them.

        Always polls, whatever `most` is: membership of the group depends on it.
        """
        records: list[InputRecord] = []
        message = self._consumer.poll(timeout_s)
        while message is not None:
            record = self._accept(message)
            if record is not None:
                records.append(record)
                if len(records) >= most:
                    break
            message = self._consumer.poll(0)
        # A rebalance within one of these polls may have taken what came with an earlier one.
        return [r for r in records if self._offsets.owns(r.ticket.partition, r.ticket.epoch)]

    def _accept(self, message: Message) -> InputRecord | None:
        error = message.error()
        partition, offset = message.partition(), message.offset()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            self._judge(error, partition)
            return None
        assert partition is not None
        assert offset is not None
        if error is not None:
            self._offsets.reach(partition, offset)
            return None
        if partition not in self._offsets.assigned:
            return None  # fetched before the partition was taken away
        _, timestamp_ms = message.timestamp()
        return InputRecord(
            ticket=self._offsets.begin(partition, offset, timestamp_ms),
            topic=self._topic,
            key=message.key(),
            value=message.value(),
            headers=_headers(message),
            timestamp_ms=timestamp_ms,
        )

    def _judge(self, error: KafkaError, partition: int | None) -> None:
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise FatalError(ExitCode.OFFSETS, self._gap(partition or 0, error))
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise FatalError(
                ExitCode.KAFKA,
                f"the topic {self._topic} does not exist: create it with `speakerstream topics`",
            )
        if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise refused(error, f"READ on the topic {self._topic}")
        # A fatal error comes as a message that does not call itself so: the client is of no use any
        # more, and says nothing more.
        if error.fatal() or error.code() in (
            KafkaError._FATAL,
            KafkaError.GROUP_AUTHORIZATION_FAILED,
        ):
            raise fatal(KafkaException(error), "the consumer failed")
        # The rest (brokers down, leader moving, poll interval exceeded) librdkafka mends itself or
        # turns into a rebalance.
        self._watch.client_error(error.name())
        log.warning("consumer_error", error=error.name(), detail=error.str())

    def _gap(self, partition: int, error: KafkaError) -> str:
        tp = TopicPartition(self._topic, partition)
        wanted = "the group's offset"
        if partition in self._offsets.assigned:  # it may have been taken away since
            wanted = f"offset {self._offsets.watermark(partition)}"
        try:
            low, high = self._consumer.get_watermark_offsets(tp, timeout=5.0, cached=False)
            held = f"it holds {low} to {high}"
        except KafkaException:
            held = "what it holds could not be read"
        return (
            f"partition {partition} of {self._topic} no longer holds {wanted}: {held}, and what "
            "lay in between is gone. To continue, reset the group's offsets "
            f"(kafka-consumer-groups --reset-offsets). ({error.str()})"
        )

    def give_back(self, timeout_s: float) -> None:
        """Before the process ends through no fault of its records: their attempts do not count."""
        give_back(self._consumer, self._topic, self._offsets.give_back(), timeout_s)

    # -- flow control -------------------------------------------------------------------------

    def pause(self, partitions: Iterable[int]) -> None:
        """Stop fetching. Throws the prefetch away: use with hysteresis."""
        chosen = set(partitions) - self._paused
        if chosen:
            self._consumer.pause([TopicPartition(self._topic, p) for p in chosen])
            self._paused |= chosen

    def resume(self, partitions: Iterable[int]) -> None:
        """Fetch again."""
        chosen = set(partitions) & self._paused
        if chosen:
            self._consumer.resume([TopicPartition(self._topic, p) for p in chosen])
            self._paused -= chosen

    @property
    def paused(self) -> frozenset[int]:
        """Partitions not being fetched."""
        return frozenset(self._paused)

    def ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """Where these partitions end, as far as known; does not wait for a broker."""
        asked = self._ends.of(self._paused)
        found = {}
        for partition in partitions:
            tp = TopicPartition(self._topic, partition)
            _, seen = self._consumer.get_watermark_offsets(tp, cached=True)  # by the last fetch
            found[partition] = max(seen, asked.get(partition, -1))
        return {partition: end for partition, end in found.items() if end >= 0}

    # -- rebalances ---------------------------------------------------------------------------

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        chosen = [tp.partition for tp in partitions]
        try:
            found = [(tp, self._position(tp)) for tp in self._committed(partitions)]
        except TransientError as error:
            # Stopping: the client wants its answer, but nothing of these is begun any more.
            log.warning("assignment_declined", partitions=chosen, why=str(error))
            consumer.incremental_assign(partitions)
            consumer.pause(partitions)
            return
        positions = []
        for tp, position in found:
            attempts = Attempts.from_metadata(tp.metadata)
            self._offsets.assign(tp.partition, position, attempts, committed=tp.offset >= 0)
            positions.append(TopicPartition(tp.topic, tp.partition, position))
        consumer.incremental_assign(positions)
        self._watch.rebalanced("assigned", chosen)
        log.info("partitions_assigned", partitions=chosen)

    def _committed(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        if not partitions:
            return []

        def question(timeout_s: float) -> list[TopicPartition]:
            answers: list[TopicPartition] = self._consumer.committed(partitions, timeout=timeout_s)
            for tp in answers:
                if tp.error is not None:
                    raise KafkaException(tp.error)
            return answers

        # A dead owner's open transaction delays the answer, and so does a broker that is down.
        return ask(question, "the group's offsets", math.inf, self._go_on)

    def _position(self, tp: TopicPartition) -> int:
        if tp.offset >= 0:
            return tp.offset
        if self._start is None:
            raise FatalError(
                ExitCode.OFFSETS,
                f"the group has no committed offset for partition {tp.partition} of {tp.topic}: "
                "it is new, or its offsets expired. Say where to begin: start=earliest (every "
                "chunk still in the topic) or start=latest (only new ones)",
            )
        low, high = ask(
            lambda timeout_s: self._consumer.get_watermark_offsets(tp, timeout=timeout_s),
            f"the ends of partition {tp.partition}",
            math.inf,
            self._go_on,
        )
        return low if self._start == "earliest" else high

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        chosen = [tp.partition for tp in partitions]
        try:
            self._on_revoke(chosen)
        finally:
            self._forget(consumer, partitions)
        self._watch.rebalanced("revoked", chosen)
        log.info("partitions_revoked", partitions=chosen)

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        chosen = [tp.partition for tp in partitions]
        self._on_lost(chosen)
        self._forget(consumer, partitions)
        self._watch.rebalanced("lost", chosen)
        log.warning("partitions_lost", partitions=chosen)

    def _forget(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        chosen = [tp.partition for tp in partitions]
        self._offsets.revoke(chosen)
        # The client remembers: a partition given up while paused would come back paused.
        self.resume(chosen)
        consumer.incremental_unassign(partitions)


def _headers(message: Message) -> Headers:
    try:
        headers = _READ_HEADERS(message) or ()
    except SystemError:
        # A name that is not UTF-8. Not to be asked again: the client keeps what it has read by
        # then, with holes that crash whoever looks.
        log.warning("headers_unreadable", partition=message.partition(), offset=message.offset())
        return ()
    pairs = headers.items() if isinstance(headers, dict) else headers
    return tuple((k, v.encode() if isinstance(v, str) else v) for k, v in pairs)
