"""How deaths are counted, told by what successive owners of a partition read and write."""

import pytest

from consumer.kafka.attempts import GIVE_UP_AFTER, ISOLATE_AFTER, Attempts
from consumer.kafka.offsets import Offsets
from consumer.records import OutputRecord

WINDOW = 4
ANSWER = (OutputRecord("out", None, b"x"),)


def owner(metadata: str, position: int = 10) -> Offsets:
    offsets = Offsets(WINDOW)
    offsets.assign(0, position, Attempts.from_metadata(metadata))
    return offsets


def die_at_head(metadata: str) -> str:
    """A life that begins the head and ends there: what it leaves behind."""
    offsets = owner(metadata)
    offsets.begin(0, 10)
    mark = offsets.mark([0])
    offsets.commit(mark)
    return mark.progress[0].attempts.to_metadata()


def test_each_death_at_the_head_counts_until_it_is_given_up() -> None:
    metadata = ""
    for deaths in range(1, GIVE_UP_AFTER + 1):
        assert not Attempts.from_metadata(metadata).exhausted
        metadata = die_at_head(metadata)
        assert Attempts.from_metadata(metadata).begun == deaths
        assert owner(metadata).isolating == (deaths >= ISOLATE_AFTER)
    assert Attempts.from_metadata(metadata).exhausted


def test_progress_takes_the_count_back() -> None:
    offsets = owner('{"attempts":2}')
    tickets = [offsets.begin(0, offset) for offset in (10, 11)]
    offsets.commit(offsets.mark([0]))
    offsets.finish(tickets[0], ANSWER)
    offsets.commit(offsets.burst(1000))
    assert offsets.attempts(0) == Attempts(1)
    assert not offsets.mark([0])


def test_a_clean_release_is_no_death() -> None:
    offsets = owner("")
    offsets.begin(0, 10)
    offsets.commit(offsets.mark([0]))
    assert offsets.attempts(0).begun == 1
    burst = offsets.burst(1000, release=[0])
    assert [(step.offset, step.attempts.begun) for step in burst.progress] == [(10, 0)]
    offsets.commit(burst)
    assert not offsets.burst(1000, release=[0])


def test_a_partition_lost_in_a_living_process_is_no_death() -> None:
    offsets, metadata = owner('{"attempts":1}'), ""
    for _ in range(GIVE_UP_AFTER):
        offsets.begin(0, 10)
        mark = offsets.mark([0])
        offsets.commit(mark)
        metadata = mark.progress[0].attempts.to_metadata()
        offsets.revoke([0])
        offsets.assign(0, 10, Attempts.from_metadata(metadata))
    assert Attempts.from_metadata(metadata).begun == 2


def test_a_death_elsewhere_counts_when_a_lost_partition_comes_back() -> None:
    offsets = owner("")
    offsets.begin(0, 10)
    offsets.commit(offsets.mark([0]))
    offsets.revoke([0])
    offsets.assign(0, 10, Attempts.from_metadata(die_at_head('{"attempts":1}')))
    assert offsets.attempts(0).begun == 2


def test_attempts_are_given_back_where_the_group_is() -> None:
    offsets = owner("")
    tickets = [offsets.begin(0, offset) for offset in (10, 11)]
    assert not offsets.give_back()
    offsets.commit(offsets.mark([0]))
    offsets.finish(tickets[0], ANSWER)
    steps = offsets.give_back().progress
    assert [(step.offset, step.attempts.begun, step.finished) for step in steps] == [(10, 0, ())]


def test_suspects_are_counted_one_by_one() -> None:
    """Behind a dying head, whatever was in flight with it carries the same suspicion."""
    offsets = owner(f'{{"attempts":{ISOLATE_AFTER}}}')
    assert offsets.attempts(0) == Attempts(ISOLATE_AFTER, WINDOW)
    for left, offset in zip(range(WINDOW, 0, -1), (10, 13, 14, 19), strict=True):
        assert offsets.attempts(0) == Attempts(ISOLATE_AFTER, left)
        ticket = offsets.begin(0, offset)
        offsets.commit(offsets.mark([0]))
        assert offsets.attempts(0).begun == ISOLATE_AFTER + 1
        offsets.finish(ticket, ANSWER)
        offsets.commit(offsets.burst(1000))
    assert not offsets.isolating


@pytest.mark.parametrize("metadata", [None, "", "x", "[]", "3", '{"attempts":"many"}', "null"])
def test_what_other_tools_write_counts_as_no_attempt(metadata: str | None) -> None:
    assert Attempts.from_metadata(metadata) == Attempts()


def test_metadata_round_trip() -> None:
    for attempts in (Attempts(), Attempts(2), Attempts(4, 17)):
        assert Attempts.from_metadata(attempts.to_metadata()) == attempts
