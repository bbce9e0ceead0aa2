"""The reference subscriber on running brokers: labels once, also after it was stopped midway."""

import json
import uuid

import pytest
from confluent_kafka import KafkaException, Producer

from producer_tools.labels.online import SpeakerLabels
from producer_tools.labels.subscriber import LabelSubscriber
from schemas.codec import Encoder
from tests.brokers.client import create_topics, read_to_end
from tests.brokers.fixtures import Broker
from tests.unit.tools.test_online_linking import X, Y, result
from tests.waiting import PATIENCE_S, until

FAST = {"session.timeout.ms": "6000"}


class Topics:
    """Two topics of one partition each."""

    def __init__(self, broker: Broker) -> None:
        name = uuid.uuid4().hex[:8]
        self.bootstrap = broker.bootstrap
        self.results, self.labels, self.group = f"{name}-in", f"{name}-out", f"{name}-group"
        create_topics(self.bootstrap, self.results, self.labels)

    def publish(self, *results: object) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap})
        for event in results:
            producer.produce(self.results, Encoder().encode(event), "r")  # type: ignore[arg-type]
        assert producer.flush(PATIENCE_S) == 0

    def subscriber(self) -> LabelSubscriber:
        return LabelSubscriber(
            self.bootstrap, "one", self.results, self.labels, self.group, consumer=FAST
        )

    def committed(self) -> list[tuple[str, dict[str, str]]]:
        values = [json.loads(r.value or b"") for r in read_to_end(self.bootstrap, self.labels)]
        return [(value["chunk_id"], value["labels"]) for value in values]


def run_until(subscriber: LabelSubscriber, count: int) -> None:
    said: list[SpeakerLabels] = []

    def enough() -> bool:
        said.extend(subscriber.step())
        return len(said) >= count

    until(enough, lambda: f"{len(said)} of {count} labels came")


def test_both_clients_get_the_properties(broker: Broker) -> None:
    # The producer refuses the first, the consumer the second.
    for at_fault in ({"acks": "0"}, {"max.poll.interval.ms": "1000"}):
        with pytest.raises(KafkaException):
            LabelSubscriber(broker.bootstrap, "one", kafka=at_fault)


def test_labels_come_once_and_keep_their_names_through_a_restart(broker: Broker) -> None:
    topics = Topics(broker)
    topics.publish(result(0, X, Y), result(1, Y, age=1), result(1, Y, age=1))
    first = topics.subscriber()
    run_until(first, 2)
    first.close()
    topics.publish(result(2, age=2, failed=True), result(3, Y, age=3))
    second = topics.subscriber()
    run_until(second, 2)
    second.close()
    assert topics.committed() == [
        ("c0", {"Speaker_0": "Voice_0", "Speaker_1": "Voice_1"}),
        ("c1", {"Speaker_0": "Voice_1"}),
        ("c2", {}),
        ("c3", {"Speaker_0": "Voice_1"}),
    ]
