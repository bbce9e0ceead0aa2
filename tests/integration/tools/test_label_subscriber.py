"""The reference subscriber on running brokers: labels once, also after it was stopped midway."""

import json
import uuid

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from producer_tools.labels.subscriber import LabelSubscriber
from schemas.codec import Encoder
from tests.brokers.fixtures import Broker
from tests.unit.tools.test_online_linking import X, Y, result

FAST = {"session.timeout.ms": "6000"}


class Topics:
    """Two topics of one partition each."""

    def __init__(self, broker: Broker) -> None:
        name = uuid.uuid4().hex[:8]
        self.bootstrap = broker.bootstrap
        self.results, self.labels, self.group = f"{name}-in", f"{name}-out", f"{name}-group"
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        made = admin.create_topics([NewTopic(t, 1, 1) for t in (self.results, self.labels)])
        for future in made.values():
            future.result(20)

    def publish(self, *results: object) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap})
        for event in results:
            producer.produce(self.results, Encoder().encode(event), "r")  # type: ignore[arg-type]
        assert producer.flush(20) == 0

    def subscriber(self) -> LabelSubscriber:
        return LabelSubscriber(
            self.bootstrap, "one", self.results, self.labels, self.group, consumer=FAST
        )

    def committed(self) -> list[tuple[str, dict[str, str]]]:
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": uuid.uuid4().hex,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
            }
        )
        consumer.assign([TopicPartition(self.labels, 0, OFFSET_BEGINNING)])
        found = []
        while (message := consumer.poll(3.0)) is not None:
            value = json.loads(message.value() or b"")
            found.append((value["chunk_id"], value["labels"]))
        consumer.close()
        return found


def run_until(subscriber: LabelSubscriber, count: int) -> None:
    said = 0
    for _ in range(80):
        said += len(subscriber.step())
        if said >= count:
            return
    pytest.fail(f"{said} of {count} labels came")


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
