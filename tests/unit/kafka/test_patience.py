"""A broker in transition is asked again; one that refuses, or is silent too long, is not."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from consumer.errors import ExitCode, FatalError, TransientError
from consumer.kafka.patience import ask


class Broker:
    """Answers 42 after so many errors."""

    def __init__(self, code: int, times: int) -> None:
        self.code, self.left = code, times

    def answer(self, timeout_s: float) -> int:
        assert timeout_s >= 1
        self.left -= 1
        if self.left >= 0:
            raise KafkaException(KafkaError(self.code))
        return 42


@pytest.mark.parametrize(
    "code",
    [KafkaError.OFFSET_NOT_AVAILABLE, KafkaError._UNKNOWN_PARTITION, KafkaError._TIMED_OUT],
)
def test_an_answer_is_waited_for(code: int) -> None:
    assert ask(Broker(code, 2).answer, "it", patience_s=10) == 42


def test_patience_ends() -> None:
    with pytest.raises(FatalError, match="could not read it") as raised:
        ask(Broker(KafkaError.OFFSET_NOT_AVAILABLE, 99).answer, "it", patience_s=0.3)
    assert raised.value.code is ExitCode.KAFKA


def test_nobody_waits_in_a_process_that_stops() -> None:
    broker = Broker(KafkaError._TIMED_OUT, 99)
    answers = iter([True, False])
    with pytest.raises(TransientError, match="could not read it"):
        ask(broker.answer, "it", patience_s=1000, go_on=lambda: next(answers))
    assert broker.left == 97


def test_a_refusal_is_final() -> None:
    broker = Broker(KafkaError.GROUP_AUTHORIZATION_FAILED, 1)
    with pytest.raises(FatalError):
        ask(broker.answer, "it", patience_s=10)
    assert broker.left == 0
