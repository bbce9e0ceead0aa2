"""What nobody foresaw ends the process, and never without the attempt being counted: a record that
ends the process uncounted does so at every start, and everything behind it waits for ever.
"""

import pytest

from consumer.errors import ExitCode, FatalError, Reason
from consumer.pipeline.pipeline import Pipeline
from consumer.records import InputRecord, Ticket
from schemas.codec import Decoder
from schemas.records import AudioChunk
from tests.pipelines import pipeline, record
from tests.waiting import until


class PanicError(BaseException):
    """As a library in another language raises, which is no Exception."""


def breaks() -> bytes:
    raise PanicError("an assertion of a library")


def counted(pipeline: Pipeline, partitions: list[int]) -> None:
    until(lambda: pipeline.uncounted == frozenset(partitions), lambda: str(pipeline.uncounted))


def died(pipeline: Pipeline) -> bool:
    try:
        pipeline.collect()
    except FatalError:
        return True
    return False


def test_a_fetch_that_breaks_is_counted_before_it_ends_the_process() -> None:
    with pipeline(breaks, 2) as (working, _):
        counted(working, [0, 1])
        assert working.collect() == []
        working.count([1])
        until(lambda: died(working), lambda: "alive")
        with pytest.raises(FatalError, match="an assertion of a library") as caught:
            working.collect()
        assert caught.value.code == ExitCode.WORKER_DIED


def test_what_breaks_of_a_lost_partition_ends_nothing() -> None:
    with pipeline(breaks, 1) as (working, _):
        counted(working, [0])
        working.drop([0])
        working.count([0])
        working.submit(record(Ticket(1, 1, 0)))  # its one worker comes to this after all else
        counted(working, [1])
        assert working.collect() == []


def test_a_wrong_setting_is_no_attempt() -> None:
    def wrong() -> bytes:
        raise FatalError(ExitCode.SETTINGS, "store_options do not fit")

    with pipeline(wrong, 1) as (working, _):
        until(lambda: died(working), lambda: "alive")
        assert working.uncounted == frozenset()


def test_an_event_that_cannot_be_read_without_dying_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaks(self: Decoder, data: bytes, topic: str) -> AudioChunk:
        raise OverflowError("an event that breaks its reader")

    monkeypatch.setattr(Decoder, "decode", breaks)
    with pipeline(lambda: b"", 0) as (working, _):
        event = InputRecord(Ticket(0, 1, 0), "in", b"r", b"event", (), 0)
        working.give_up(event, Reason.KILLS_PROCESS, "the process died 3 times")
        outcomes = []

        def answered() -> bool:
            outcomes.extend(working.collect())
            return bool(outcomes)

        until(answered, lambda: "no answer")
    assert [outcome.reason for outcome in outcomes] == [Reason.KILLS_PROCESS]
