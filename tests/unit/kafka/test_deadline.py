"""A call that outlasts its caller's patience is resumed, not made again."""

import threading

import pytest

from consumer.errors import TransientError
from consumer.kafka.deadline import Deadline
from tests.waiting import PATIENCE_S


def test_the_outcome_in_time_is_the_calls_own() -> None:
    deadline: Deadline[int] = Deadline("count")
    assert deadline.begin(lambda: 42, PATIENCE_S) == 42
    with pytest.raises(ZeroDivisionError):
        deadline.begin(lambda: 1 // 0, PATIENCE_S)
    assert not deadline.under_way


def test_a_late_outcome_is_waited_for_again() -> None:
    answered, calls = threading.Event(), []
    deadline: Deadline[int] = Deadline("count")

    def call() -> int:
        calls.append("made")
        assert answered.wait(PATIENCE_S)
        return 42

    with pytest.raises(TransientError, match="count"):
        deadline.begin(call, 0.01)
    with pytest.raises(TransientError, match="count"):
        deadline.resume(0.01)
    answered.set()
    assert deadline.resume(PATIENCE_S) == 42
    assert not deadline.under_way
    assert calls == ["made"]
