"""Producing the outputs of a burst, and what became of them: for either kind of delivery."""

from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from consumer.errors import FatalError
from consumer.kafka.clients import refused
from consumer.records import OutputRecord

_ANY = -1  # partition: the partitioner's choice


class Outbox:
    """What is produced, and what a broker said against it. For the owner thread.

    `errors` holds those of the outputs produced last; delivery reports add to it within the
    producer's own calls. `lacking` is the end of a process whose principal lacks a right.
    """

    def __init__(self) -> None:
        self.errors: list[KafkaError] = []
        self.lacking: FatalError | None = None

    def produce(self, producer: Producer, outputs: Sequence[OutputRecord]) -> bool:
        """Hand `outputs` to the client, in order; does not wait for the broker.

        False when the client remembers that a broker refuses a topic: what follows was not
        produced, because all of it has to be given up together.
        """
        self.errors = []
        produce, report = producer.produce, self._delivered
        for output in outputs:
            # Bursts are far smaller than the client's queue (see clients.py): it is never full.
            # By position: with names the same call takes the client nearly twice as long, and
            # there are twenty and more for a chunk.
            try:
                if output.headers:
                    headers: list[tuple[str, str | bytes | None]] = [*output.headers]
                    produce(output.topic, output.value, output.key, _ANY, report, headers=headers)
                else:
                    produce(output.topic, output.value, output.key, _ANY, report)
            except KafkaException as raised:
                self._note(raised.args[0], output.topic)
                return False
        return True

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._note(error, message.topic() or "")

    def _note(self, error: KafkaError, topic: str) -> None:
        self.errors.append(error)
        if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            self.lacking = refused(error, f"WRITE on the topic {topic}")
