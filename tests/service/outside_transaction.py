"""The service with its promise broken: offsets committed outside the transaction.

What tests use to show that they would see the difference.
"""

from collections.abc import Callable, Sequence
from typing import Any

import confluent_kafka
from confluent_kafka import Consumer, TopicPartition

from consumer.cli import main
from consumer.kafka import clients


class _Producer(confluent_kafka.Producer):
    """Commits the offsets at once, as a plain consumer would, whatever becomes of the outputs."""

    consumer: Consumer

    def send_offsets_to_transaction(
        self, positions: Sequence[TopicPartition], *_: Any, **__: Any
    ) -> None:
        self.consumer.commit(offsets=list(positions), asynchronous=False)


def _consumer(options: clients.ClientOptions, on_statistics: Callable[[str], None]) -> Consumer:
    _Producer.consumer = Consumer(clients.consumer_config(options))
    return _Producer.consumer


if __name__ == "__main__":
    clients.consumer = _consumer
    clients.producer = lambda options: _Producer(clients.producer_config(options))
    main()
