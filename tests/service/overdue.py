"""The service with one transaction that stays open until the broker gives it up.

As in an outage of the coordinator that outlasts transaction.timeout.ms, without the outage.
"""

import os
import time
from typing import Any

import confluent_kafka
from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from consumer.cli import main
from consumer.kafka import clients

_waited = False


class _Producer(confluent_kafka.Producer):
    def commit_transaction(self, *arguments: Any, **named: Any) -> None:
        global _waited
        self.flush()  # or the outputs might not have reached the broker yet
        if not _waited and _held_up():
            _waited = True
            while _held_up():
                time.sleep(0.2)
        super().commit_transaction(*arguments, **named)


def _held_up() -> bool:
    """Whether an open transaction hides results from read_committed readers."""
    admin = AdminClient({"bootstrap.servers": os.environ["SPEAKERSTREAM_BOOTSTRAP_SERVERS"]})
    results = TopicPartition(os.environ["SPEAKERSTREAM_TOPIC_CHUNK_RESULTS"], 0)
    query = {results: OffsetSpec.latest()}
    stable, end = (
        admin.list_offsets(query, isolation_level=level)[results].result(30).offset
        for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
    )
    return bool(stable < end)


if __name__ == "__main__":
    clients.producer = lambda options: _Producer(clients.producer_config(options))
    main()
