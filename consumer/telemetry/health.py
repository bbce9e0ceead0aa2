"""Liveness and readiness: is this process getting anywhere, and does it take part?"""

import json
import time
from dataclasses import dataclass

from consumer.telemetry.owner import Pulse


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long each sign of life may fail to appear, in seconds."""

    poll_s: float
    progress_s: float
    stability_s: float


@dataclass(slots=True)
class Membership:
    """What librdkafka's statistics say of the group. Written by the owner thread."""

    steady: bool = False
    unsteady_since: float | None = None  # monotonic; while the group's coordinator answers
    heard_at: float = 0.0  # monotonic; when the statistics last came

    def update(self, state: str, join_state: str) -> None:
        """`state` and `join_state` of the statistics' `cgrp`.

        A coordinator that is away (`state` is not `up`) is an outage of the broker, which killing
        this process does not end: only a rebalance that never settles counts.
        """
        self.steady = state == "up" and join_state == "steady"
        if self.steady or state != "up":
            self.unsteady_since = None
        elif self.unsteady_since is None:
            self.unsteady_since = time.monotonic()
        self.heard_at = time.monotonic()

    @property
    def unsteady_s(self) -> float:
        """How long the group had been rebalancing when the statistics last came.

        Not until now: they come within polls, and of a loop that hangs the group may long be
        steady.
        """
        since = self.unsteady_since
        return 0.0 if since is None else self.heard_at - since


class Health:
    """Answers the probes; called from any thread. Each answer lists what is wrong."""

    def __init__(self, pulse: Pulse, deadlines: Deadlines) -> None:
        self._pulse = pulse
        self._deadlines = deadlines
        self.membership = Membership()
        self.loaded = False
        self.stopping = False

    def on_statistics(self, text: str) -> None:
        """Take librdkafka's statistics (JSON)."""
        group = json.loads(text).get("cgrp", {})
        self.membership.update(group.get("state", ""), group.get("join_state", ""))

    def live(self) -> list[str]:
        """Why the process should be killed; empty while it should not.

        Before the first poll nothing is judged: loading models takes as long as it takes, and a
        start that fails ends the process.
        """
        deadlines, pulse, problems = self._deadlines, self._pulse, []
        last_poll, head = pulse.last_poll, pulse.state.head_since
        unsteady_s = self.membership.unsteady_s
        if last_poll is not None and (age := _age(last_poll)) > deadlines.poll_s:
            problems.append(f"polling: the owner loop has not polled for {age:.0f} s")
        if head is not None and (age := _age(head)) > deadlines.progress_s:
            problems.append(f"progress: a partition's head chunk made none for {age:.0f} s")
        if unsteady_s > deadlines.stability_s:
            problems.append(f"stability: the group has been rebalancing for {unsteady_s:.0f} s")
        return problems

    def ready(self) -> list[str]:
        """Why no work is done here; empty when it is, or when there is none for this member."""
        problems = []
        if self.stopping:
            problems.append("stopping")
        if not self.loaded:
            problems.append("the models are not loaded yet")
        if not self._pulse.state.lag and not self.membership.steady:
            problems.append("no partition is assigned, and the group is not steady yet")
        return problems


def _age(moment: float) -> float:
    return time.monotonic() - moment
