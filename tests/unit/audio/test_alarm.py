"""An alarm rings when its time is over, and only then."""

import threading
import time
from collections.abc import Iterator
from queue import Empty, SimpleQueue

import pytest

from consumer.audio.alarm import Alarm

SOON_S = 0.05
LATE_S = 60.0


class Bell:
    """Counts rings."""

    def __init__(self) -> None:
        self.rings: SimpleQueue[float] = SimpleQueue()
        self.alarm = Alarm(lambda: self.rings.put(time.monotonic()))

    def rang(self, within_s: float) -> bool:
        try:
            self.rings.get(timeout=within_s)
        except Empty:
            return False
        return True


@pytest.fixture
def bell() -> Iterator[Bell]:
    made = Bell()
    yield made
    made.alarm.close()


def test_it_rings_once_and_not_too_soon(bell: Bell) -> None:
    began = time.monotonic()
    bell.alarm.set(SOON_S)
    assert bell.rings.get(timeout=10) - began >= SOON_S
    assert bell.alarm.rang
    assert not bell.rang(4 * SOON_S)


def test_what_ended_in_time_is_not_rung_for(bell: Bell) -> None:
    for _ in range(20):
        bell.alarm.set(SOON_S)
        bell.alarm.clear()
    assert not bell.rang(4 * SOON_S)
    assert not bell.alarm.rang


def test_a_time_sooner_than_the_one_before_is_heard(bell: Bell) -> None:
    bell.alarm.set(LATE_S)
    time.sleep(SOON_S)  # it waits for that
    bell.alarm.clear()
    bell.alarm.set(SOON_S)
    assert bell.rang(10)


def test_a_time_after_one_that_passed_unused_is_heard(bell: Bell) -> None:
    bell.alarm.set(SOON_S)
    bell.alarm.clear()
    assert not bell.rang(2 * SOON_S)  # it has looked, and waits for nothing
    bell.alarm.set(SOON_S)
    assert bell.rang(10)


def test_one_thread_serves_all_times_and_ends(bell: Bell) -> None:
    before = set(threading.enumerate())
    for _ in range(100):
        bell.alarm.set(LATE_S)
    assert set(threading.enumerate()) <= before
    other = Bell()
    (thread,) = set(threading.enumerate()) - before
    other.alarm.close()
    thread.join(10)
    assert not thread.is_alive()
