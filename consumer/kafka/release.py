"""What a process that ends through no fault of its records still tells the group of them.

Its attempts are counted in the committed offsets' metadata, and a count without an end is a death.
They are taken back outside a transaction, because the producer may be what failed.
"""

import time

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from consumer.errors import TransientError
from consumer.kafka.deadline import Deadline
from consumer.kafka.offsets import Burst

log = structlog.get_logger(__name__)


def give_back(consumer: Consumer, topic: str, burst: Burst, timeout_s: float) -> None:
    """Commit the burst's attempts, for at most `timeout_s`; whatever prevents it is only logged.

    No offset is moved: where the group is not at the burst's (the last transaction took effect
    after all), nothing is committed.
    """
    deadline = time.monotonic() + timeout_s
    steps = {step.partition: step for step in burst.progress}
    if not steps:
        return
    try:
        # Answered once no transaction is open on these offsets: none can move them any more.
        found = consumer.committed([TopicPartition(topic, p) for p in steps], timeout=timeout_s)
        offsets = [
            TopicPartition(
                topic, tp.partition, tp.offset, steps[tp.partition].attempts.to_metadata()
            )
            for tp in found
            if tp.error is None and tp.offset == steps[tp.partition].offset
        ]
        if offsets:
            committing: Deadline[object] = Deadline("give attempts back")
            committing.begin(
                lambda: consumer.commit(offsets=offsets, asynchronous=False),
                max(0.0, deadline - time.monotonic()),
            )
    except (KafkaException, TransientError) as error:
        log.warning("attempts_not_given_back", partitions=sorted(steps), why=str(error))
        return
    log.info("attempts_given_back", partitions=[tp.partition for tp in offsets])
