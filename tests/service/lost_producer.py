"""The service with a producer that is lost again and again, at every step of a transaction.

librdkafka declares a producer lost after some broker failures; when is up to its inner state, so
here it happens by chance (seeded): the call is made or not, and then reported as a fatal error.
"""

import random
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException

from consumer.cli import main
from consumer.kafka import clients

_random = random.Random(1)
_SHARE = 0.15  # of the moments below


def _lose() -> None:
    if _random.random() < _SHARE:
        raise KafkaException(KafkaError(KafkaError.INVALID_TXN_STATE, "lost, for a test", True))


class _Producer(confluent_kafka.Producer):
    """Lost after it has sent offsets, before it commits or after it has committed."""

    def send_offsets_to_transaction(self, *arguments: Any, **named: Any) -> None:
        super().send_offsets_to_transaction(*arguments, **named)
        _lose()

    def commit_transaction(self, *arguments: Any, **named: Any) -> None:
        _lose()
        super().commit_transaction(*arguments, **named)
        _lose()


if __name__ == "__main__":
    clients.producer = lambda options: _Producer(clients.producer_config(options))
    main()
