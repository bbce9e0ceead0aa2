"""Health: which signs of life turn which probe, and when."""

import json
import time

import pytest

from consumer.telemetry.health import Deadlines, Health
from consumer.telemetry.owner import Lag, OwnerState, Pulse

LIMIT_S = 10.0


@pytest.fixture
def pulse() -> Pulse:
    return Pulse()


@pytest.fixture
def health(pulse: Pulse) -> Health:
    return Health(pulse, Deadlines(LIMIT_S, LIMIT_S, LIMIT_S))


def statistics(state: str, join_state: str) -> str:
    return json.dumps({"cgrp": {"state": state, "join_state": join_state}})


def test_nothing_is_judged_before_the_first_poll(health: Health) -> None:
    assert health.live() == []
    assert health.ready() != []


@pytest.mark.parametrize(("age_s", "red"), [(LIMIT_S - 1, False), (LIMIT_S + 1, True)])
def test_polling_and_progress_have_deadlines(
    health: Health, pulse: Pulse, age_s: float, red: bool
) -> None:
    pulse.last_poll = time.monotonic() - age_s
    assert [p.partition(":")[0] for p in health.live()] == ["polling"] * red
    pulse.polled()
    pulse.state = OwnerState(head_since=time.monotonic() - age_s)
    assert [p.partition(":")[0] for p in health.live()] == ["progress"] * red


def test_a_rebalance_counts_from_its_beginning_while_the_coordinator_answers(
    health: Health,
) -> None:
    health.on_statistics(statistics("up", "wait-join"))
    assert health.membership.unsteady_since is not None
    health.membership.unsteady_since -= LIMIT_S + 1
    health.on_statistics(statistics("up", "wait-sync"))
    assert [p.partition(":")[0] for p in health.live()] == ["stability"]
    health.on_statistics(statistics("wait-coord", "wait-join"))
    assert health.live() == []
    health.on_statistics(statistics("up", "steady"))
    assert health.live() == []


def test_a_loop_that_hangs_is_not_taken_for_a_rebalance(health: Health, pulse: Pulse) -> None:
    """The statistics come within its polls: what they last said grows no older."""
    health.on_statistics(statistics("up", "wait-assign-call"))
    membership = health.membership
    assert membership.unsteady_since is not None
    membership.unsteady_since -= LIMIT_S + 1
    membership.heard_at -= LIMIT_S + 1
    pulse.last_poll = time.monotonic() - LIMIT_S - 1
    assert [p.partition(":")[0] for p in health.live()] == ["polling"]


def test_ready_needs_models_and_a_place_in_the_group(health: Health, pulse: Pulse) -> None:
    health.loaded = True
    assert health.ready() != []
    pulse.state = OwnerState(lag={0: Lag(0, 0.0)})
    assert health.ready() == []
    pulse.state = OwnerState()
    health.on_statistics(statistics("up", "steady"))
    assert health.ready() == []
    health.stopping = True
    assert health.ready() == ["stopping"]


def test_statistics_without_a_group_say_nothing(health: Health) -> None:
    health.on_statistics("{}")
    assert health.live() == []
