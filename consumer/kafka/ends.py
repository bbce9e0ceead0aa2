"""Where partitions end, asked of the broker without waiting for it.

The client learns a partition's end from its fetches; of a paused partition it learns nothing more,
and a lag counted from that end would stand still while the topic grows.
"""

import time
from collections.abc import Callable, Collection
from concurrent.futures import Future

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo, OffsetSpec

_RENEW_S = 5.0
_TIMEOUT_S = 10.0


class Ends:
    """Ends of one topic's partitions. For the owner thread; its calls return at once.

    `new_client` is called when the first partition has been asked for: back-pressure is rare, and
    a client is a connection and two threads.
    """

    def __init__(self, new_client: Callable[[], AdminClient], topic: str) -> None:
        self._new_client = new_client
        self._client: AdminClient | None = None
        self._topic = topic
        self._known: dict[int, int] = {}
        self._asked: dict[int, Future[ListOffsetsResultInfo]] = {}
        self._asked_at = 0.0

    def of(self, partitions: Collection[int]) -> dict[int, int]:
        """The ends known of `partitions`, a few seconds old at most while a broker answers.

        High watermarks: open transactions are not waited for. Asks again for all of them.
        """
        for partition in [p for p, answer in self._asked.items() if answer.done()]:
            answer = self._asked.pop(partition)
            try:
                self._known[partition] = answer.result().offset
            except KafkaException:
                continue  # asked again below, for as long as it takes
        if partitions and not self._asked and time.monotonic() - self._asked_at > _RENEW_S:
            self._ask(partitions)
        return {p: end for p, end in self._known.items() if p in partitions}

    def _ask(self, partitions: Collection[int]) -> None:
        self._asked_at = time.monotonic()
        if self._client is None:
            self._client = self._new_client()
        answers = self._client.list_offsets(
            {TopicPartition(self._topic, p): OffsetSpec.latest() for p in partitions},
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
            request_timeout=_TIMEOUT_S,
        )
        self._asked = {tp.partition: answer for tp, answer in answers.items()}
