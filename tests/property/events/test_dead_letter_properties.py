"""Whatever a record holds, its dead letter gives it back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.dead_letters import MIN_LIMIT, ORIGIN_TOPIC, dead_letter, original_headers
from consumer.errors import Reason
from consumer.records import Headers, InputRecord, Ticket

names = st.text(max_size=8) | st.sampled_from([ORIGIN_TOPIC, "dlq.reason", "dlq.omitted"])
headers = st.lists(st.tuples(names, st.none() | st.binary(max_size=8)), max_size=6).map(tuple)


def record(headers: Headers, value: bytes = b"v") -> InputRecord:
    return InputRecord(Ticket(0, 1, 2), "in", b"k", value, headers, 3)


def letter_of(record: InputRecord) -> Headers:
    return dead_letter(record, "dead", Reason.NOT_AUDIO, "why", "1", 100_000).headers


@given(headers)
def test_the_own_headers_come_back_whatever_they_are_called(own: Headers) -> None:
    theirs, ours = original_headers(letter_of(record(own)))
    assert theirs == own
    assert dict(ours)["dlq.reason"] == b"not_audio"


@given(headers)
def test_a_letter_of_a_letter_gives_back_the_letter(own: Headers) -> None:
    once = letter_of(record(own))
    assert original_headers(letter_of(record(once)))[0] == once


def test_a_letter_that_omits_headers_gives_back_none() -> None:
    big = record((("h", b"x" * MIN_LIMIT),), b"v" * MIN_LIMIT)
    letter = dead_letter(big, "dead", Reason.NOT_AUDIO, "why", "1", MIN_LIMIT)
    theirs, ours = original_headers(letter.headers)
    assert theirs == ()
    assert dict(ours)["dlq.omitted"] == b"value,headers"


def test_what_is_no_dead_letter_is_refused() -> None:
    with pytest.raises(ValueError, match="no dead letter"):
        original_headers((("traceparent", b"00"),))
