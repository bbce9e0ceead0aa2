"""Delivery without transactions; what a broker has to do with it is in the integration tests."""

import time
from typing import Any, cast

from consumer.kafka.at_least_once import AtLeastOnce
from consumer.kafka.attempts import Attempts
from consumer.kafka.offsets import Burst, Progress
from consumer.kafka.transaction import Outcome

FLUSHING_S, TIMEOUT_S = 0.2, 10.0


class Producer:
    """Takes its time to deliver."""

    produce = None  # there are no outputs

    def flush(self, timeout_s: float) -> int:
        assert timeout_s == TIMEOUT_S
        time.sleep(FLUSHING_S)
        return 0


class Noting(AtLeastOnce):
    """Notes how long the offsets' commit may take."""

    left_s = 0.0

    def _commit_offsets(self, burst: Burst, timeout_s: float) -> None:
        self.left_s = timeout_s


def test_outputs_and_offsets_share_one_timeout() -> None:
    delivery = Noting(cast(Any, Producer()), cast(Any, None), "in", lambda *_: True)
    burst = Burst((Progress(0, 1, 1, Attempts(), marked=False, finished=(0,)),))
    assert delivery.commit(burst, TIMEOUT_S) is Outcome.COMMITTED
    assert 0 < delivery.left_s <= TIMEOUT_S - FLUSHING_S
