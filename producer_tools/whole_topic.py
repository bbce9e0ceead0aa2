"""Everything a topic holds at this moment, as a subscriber may see it: only what was committed."""

from collections.abc import Iterator, Mapping

from confluent_kafka import Message

from producer_tools.subscribe import Subscriber


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
    subscriber = Subscriber(bootstrap_servers, {topic: None}, kafka=kafka)
    try:
        yield from subscriber.messages(until_idle_s=0)
    finally:
        subscriber.close()
