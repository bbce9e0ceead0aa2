"""What is done to the service: a seeded sequence of kills, freezes, moves and outages."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from consumer.faults import Point
from deploy.kafka import KafkaCluster
from tests.chaos.members import Members

SESSION_S = 6.0
_PAUSE_S = (1.0, 3.0)
_FEWEST, _MOST = 2, 4  # members awake
_WEIGHTS = {
    "kill": 6,
    "fault": 6,
    "freeze": 3,
    "terminate": 4,
    "add": 4,
    "remove": 3,
    "broker": 2,
    "store": 2,
}


@dataclass(frozen=True, slots=True)
class Kill:
    """A member's death, and the partitions that were left."""

    at: float
    partitions: frozenset[int]


@dataclass
class Storm:
    """Acts on members, brokers and the folder of objects. Use from one thread."""

    members: Members
    cluster: KafkaCluster
    store: Path
    seed: int
    done: Counter[str] = field(default_factory=Counter)
    kills: list[Kill] = field(default_factory=list)
    outages: list[tuple[float, float]] = field(default_factory=list)  # of a broker or the store
    _later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _mending: threading.Thread | None = None
    _instances: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def rage(self, seconds: float) -> None:
        """Act until the time is over, then repair everything."""
        until = time.monotonic() + seconds
        actions, weights = list(_WEIGHTS), list(_WEIGHTS.values())
        while time.monotonic() < until:
            (action,) = self._random.choices(actions, weights)
            getattr(self, f"_{action}")()
            self._rest(self._random.uniform(*_PAUSE_S))
        self.calm()

    def calm(self) -> None:
        """Thaw the frozen, put brokers and store back."""
        while self._later:
            self._rest(0.1)
        if self._mending is not None:
            self._mending.join()

    def keep(self) -> None:
        """Start again what died by itself; never fewer than two."""
        for member in self.members.bury():
            if member.armed:
                self.done["kills at a fault point"] += 1
                self._note(member.partitions())
            self.members.start(member.instance)
        while len(self.members.running) < _FEWEST:
            self._start()

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            for due in [each for each in self._later if each[0] <= now]:
                self._later.remove(due)
                due[1]()
            self.keep()
            if now >= until:
                return
            time.sleep(0.1)

    def _start(self) -> None:
        self._instances += 1
        self.members.start(str(self._instances))

    def _note(self, partitions: set[int]) -> None:
        self.kills.append(Kill(time.time(), frozenset(partitions)))

    def _one(self) -> str | None:
        """A victim: one that has work, so that its end disturbs something."""
        working = [name for name in self.members.awake() if self.members.running[name].partitions()]
        return self._random.choice(working) if working else None

    # -- actions ------------------------------------------------------------------------------

    def _kill(self) -> None:
        if victim := self._one():
            self._note(self.members.kill(victim).partitions())
            self.members.start(victim)
            self.done["kills at random"] += 1

    def _fault(self) -> None:
        """Replace a member by one that will die at a named point."""
        if victim := self._one():
            point = self._random.choice(get_args(Point))
            self.members.terminate(victim)
            times = self._random.randint(1, 3 if point == "in_revoke" else 20)
            self.members.start(victim, f"{point}:{times}")

    def _freeze(self) -> None:
        victim = self._one()
        if victim and len(self.members.awake()) > 1:
            self.members.freeze(victim)
            seconds = SESSION_S + self._random.uniform(1, 4)
            self._later.append((time.monotonic() + seconds, lambda: self.members.thaw(victim)))
            self.done["freezes beyond the session timeout"] += 1

    def _terminate(self) -> None:
        if victim := self._one():
            self.members.terminate(victim)
            self.members.start(victim)
            self.done["SIGTERM and start"] += 1

    def _add(self) -> None:
        if len(self.members.running) < _MOST:
            self._start()
            self.done["members added"] += 1

    def _remove(self) -> None:
        if len(self.members.running) > _FEWEST and (victim := self._one()):
            self.members.terminate(victim)
            self.done["members removed"] += 1

    def _broker(self) -> None:
        """Kill a broker (each is a controller too); one at a time, or nothing could be promised."""
        if self._mending is not None and self._mending.is_alive():
            return
        number = self._random.choice(self.cluster.nodes).id
        began, seconds = time.time(), self._random.uniform(2, 8)
        self.cluster.kill(number)

        def mend() -> None:
            time.sleep(seconds)
            self.cluster.start(number)
            self.outages.append((began, time.time()))

        self._mending = threading.Thread(target=mend, daemon=True)
        self._mending.start()
        self.done["brokers killed and restarted"] += 1

    def _store(self) -> None:
        away = self.store.with_name(self.store.name + "-away")
        if away.exists():
            return
        began = time.time()
        self.store.rename(away)

        def back() -> None:
            away.rename(self.store)
            self.outages.append((began, time.time()))

        self._later.append((time.monotonic() + self._random.uniform(3, 10), back))
        self.done["object store outages"] += 1
