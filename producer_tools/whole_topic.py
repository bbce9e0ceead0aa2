"""Everything a topic holds at this moment, as a subscriber may see it: only what was committed."""

from collections.abc import Iterator, Mapping

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

_METADATA_S = 10.0


def messages(
    bootstrap_servers: str, topic: str, kafka: Mapping[str, str] | None = None
) -> Iterator[Message]:
    """Every record, from the oldest to the present end, in order within a partition.

    Args:
        bootstrap_servers: `host:port`, several comma-separated.
        topic: the topic.
        kafka: further librdkafka properties.

    Raises:
        confluent_kafka.KafkaException: the brokers cannot be reached, or report an error.
        LookupError: the topic does not exist.
    """
    reader = Consumer(
        {
            **(kafka or {}),
            "bootstrap.servers": bootstrap_servers,
            "group.id": "speakerstream-reader",  # required by the client, never joined
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
        }
    )
    try:
        metadata = reader.list_topics(topic, timeout=_METADATA_S).topics[topic]
        if metadata.error is not None or not metadata.partitions:
            raise LookupError(f"there is no topic {topic}: run `speakerstream topics --create`")
        unread = set(metadata.partitions)
        reader.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in unread])
        while unread:
            message = reader.poll(1.0)
            if message is None:
                continue
            place = message.partition() or 0
            if (error := message.error()) is not None:
                if error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
                unread.discard(place)
            elif place in unread:  # not what arrived after its end was reached
                yield message
    finally:
        reader.close()
