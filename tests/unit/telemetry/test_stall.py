"""What counts as a stall: a chunk that gets nowhere, not one that waits its turn."""

import threading
import time
from collections.abc import Sequence

from consumer.errors import TransientError
from consumer.pipeline.pipeline import Pipeline
from consumer.records import Ticket
from tests.pipelines import pipeline
from tests.waiting import PATIENCE_S, until

RECORDS = 16
FETCH_S = 0.3
LIMIT_S = 3.0
ROOM_FOR_ONE = 3 << 19  # bytes: an object and a waveform, not two of either


def said(waiting: Pipeline, heads: Sequence[Ticket]) -> str:
    return waiting.stalled(heads, LIMIT_S) or "no stall"


def test_a_queue_behind_a_store_that_times_out_is_no_stall() -> None:
    def times_out() -> bytes:
        time.sleep(FETCH_S)
        raise TransientError("the store did not answer")

    with pipeline(times_out, RECORDS) as (waiting, heads):
        end = time.monotonic() + RECORDS * FETCH_S
        while time.monotonic() < end:
            waiting.collect()
            assert waiting.stalled(heads, LIMIT_S) is None
            time.sleep(0.05)


def test_a_queue_behind_what_waits_for_the_broker_is_no_stall() -> None:
    with pipeline(lambda: b"no audio", 2, buffered_bytes=ROOM_FOR_ONE) as (waiting, heads):
        until(lambda: waiting.uncounted == {0}, lambda: str(waiting.uncounted))
        # nor is it waited for when a partition is given back
        until(lambda: not waiting.working({0, 1}), lambda: "working")
        end = time.monotonic() + 1.5 * LIMIT_S
        while time.monotonic() < end:
            waiting.collect()
            assert waiting.stalled(heads, LIMIT_S) is None
            time.sleep(0.05)
        waiting.count([0])

        def second_fetched() -> bool:
            waiting.collect()
            assert waiting.stalled(heads, LIMIT_S) is None
            return waiting.uncounted == {1}

        until(second_fetched, lambda: said(waiting, heads))


def test_a_fetch_that_never_ends_is_a_stall() -> None:
    fetching, released = threading.Event(), threading.Event()

    def hangs() -> bytes:
        fetching.set()
        released.wait()
        raise TransientError("released")

    before = time.monotonic()
    with pipeline(hangs, RECORDS) as (waiting, heads):
        try:
            assert fetching.wait(PATIENCE_S)
            after = time.monotonic()
            until(lambda: waiting.stalled(heads, LIMIT_S) is not None, lambda: "no stall")
            assert time.monotonic() - before > LIMIT_S
            # those behind it may have waited a little longer, and are named first
            until(
                lambda: "partition 0, offset 0 has been fetching" in said(waiting, heads),
                lambda: said(waiting, heads),
            )
            since = waiting.head_since(heads)
        finally:
            released.set()
    assert since is not None
    assert before <= since <= after
