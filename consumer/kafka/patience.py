"""Questions to a broker that may be restarting, or whose partition is changing its leader."""

import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from confluent_kafka import KafkaError, KafkaException

from consumer.errors import TransientError
from consumer.kafka.clients import fatal

log = structlog.get_logger(__name__)

T = TypeVar("T")

_PAUSE_S = 0.2
_QUESTION_S = 5.0  # then `go_on` is asked
# What waiting does not mend. The client says of few errors whether they are retriable, and of
# those of a broker in transition (OFFSET_NOT_AVAILABLE, a partition unknown for a moment) it does
# not.
_HOPELESS = (
    KafkaError._INVALID_ARG,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
)


def ask(
    question: Callable[[float], T],
    what: str,
    patience_s: float,
    go_on: Callable[[], bool] = lambda: True,
) -> T:
    """The answer to `question(timeout_s)`, asked again while the broker has none.

    Raises FatalError, with `what` was asked for, when waiting does not help or has taken too long;
    TransientError when `go_on`, asked every few seconds, says no.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return question(min(_QUESTION_S, max(1.0, deadline - time.monotonic())))
        except KafkaException as raised:
            error: KafkaError = raised.args[0]
            if error.fatal() or error.code() in _HOPELESS or time.monotonic() > deadline:
                raise fatal(raised, f"could not read {what}") from raised
            if not go_on():
                raise TransientError(f"could not read {what}: {error.str()}") from raised
            log.warning("asking_again", what=what, error=error.str())
            time.sleep(_PAUSE_S)
