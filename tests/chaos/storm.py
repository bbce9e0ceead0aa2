"""What is done to the service: a seeded sequence of kills, freezes, moves and outages."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from consumer.faults import Point
from deploy.kafka import KafkaCluster
from deploy.registry import SchemaRegistry
from tests.chaos.members import Members

STEADY = "steady"
"""The one member nothing is done to: whatever grows in the long run, grows there."""

SESSION_S = 6.0
_MOST = 6  # members that run
_LONG_STORM_S = 600.0  # beyond it, store and registry are away for a minute too
_LONG = " of a minute"
_RECOVERY_S = 60.0
_FIRST_RESULT_S = 0.5
_OFTEN = 20  # times a member may pass a fault point before it dies there
_RARELY: Mapping[Point, int] = {"in_revoke": 1, "in_dead_letter": 2}
"""Where most lives are too short to pass as often: a rebalance, and a poisoned chunk."""
WEATHERS: Mapping[str, Mapping[str, int]] = {
    "storm": {
        "kill": 6,
        "fault": 6,
        "freeze": 3,
        "terminate": 4,
        "add": 4,
        "remove": 3,
        "broker": 2,
        "blackout": 1,
        "store": 2,
        "registry": 2,
    },
    "faults": {"fault": 1},
    "zombies": {"freeze": 1},
    "restarts": {"terminate": 3, "add": 1, "remove": 1},
}
"""How often each thing is done, beside the others of the same weather."""


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
    registry: SchemaRegistry | None
    store: Path
    seed: int
    pause_s: float  # between two actions, on average
    fewest: int = 3  # members that run
    done: Counter[str] = field(default_factory=Counter)
    kills: list[Kill] = field(default_factory=list)
    outages: list[tuple[float, float]] = field(default_factory=list)  # of brokers, store, registry
    _later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _mending: threading.Thread | None = None
    _instances: int = 0
    _registry_away: bool = False
    _points: list[Point] = field(default_factory=list)  # to die at, before any is had again

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def rage(self, weather: str, seconds: float) -> None:
        """Act until the time is over, then repair everything. `weather` is one of `WEATHERS`.

        Each thing is done once, in a drawn order, before any is done again.
        """
        self._gather()
        began = time.monotonic()
        actions, weights = list(WEATHERS[weather]), list(WEATHERS[weather].values())
        first = self._random.sample(actions, len(actions))
        minutes: list[tuple[float, Callable[[float], bool]]] = []
        if weather == "storm" and seconds >= _LONG_STORM_S:
            minutes = [(seconds / 3, self._take_store), (seconds * 2 / 3, self._take_registry)]
        while (now := time.monotonic() - began) < seconds:
            if minutes and now > minutes[0][0] and minutes[0][1](60.0):
                minutes.pop(0)
            action = first.pop() if first else self._random.choices(actions, weights)[0]
            getattr(self, f"_{action}")()
            self._rest(self._random.uniform(0.5, 1.5) * self.pause_s)
        self.calm()

    def wait(self, seconds: float) -> None:
        """Nothing but time passes."""
        self._gather()
        self._rest(seconds)

    def pick_off(self, seconds: float, recovered: Callable[[Kill], bool]) -> None:
        """Nothing but kill -9, each once the group has recovered from the one before."""
        self._gather()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._rest(self._random.uniform(0.5, 1.5) * self.pause_s)
            before = len(self.kills)
            self._kill()
            patience = time.monotonic() + _RECOVERY_S
            while len(self.kills) > before and time.monotonic() < patience:
                if recovered(self.kills[-1]):
                    break
                self._rest(_FIRST_RESULT_S)

    def calm(self) -> None:
        """Thaw the frozen, put brokers and store back."""
        while self._later:
            self._rest(0.1)
        if self._mending is not None:
            self._mending.join()

    def keep(self) -> None:
        """Start again what died by itself; never too few."""
        for member in self.members.bury():
            if member.armed:
                self.done["kills at a fault point"] += 1
                self._note(member.partitions())
            self.members.start(member.instance)
        if STEADY not in self.members.running:
            self.members.start(STEADY)
        while len(self.members.running) < self.fewest:
            self._start()

    def _gather(self) -> None:
        """Wait until every member has work, or there would be nobody to do anything to."""
        patience = time.monotonic() + _RECOVERY_S
        while time.monotonic() < patience:
            if all(member.partitions() for member in self.members.running.values()):
                return
            self._rest(_FIRST_RESULT_S)

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
        working = [
            name
            for name in self.members.awake()
            if name != STEADY and self.members.running[name].partitions()
        ]
        return self._random.choice(working) if working else None

    # -- actions ------------------------------------------------------------------------------

    def _kill(self) -> None:
        if victim := self._one():
            self._note(self.members.kill(victim).partitions())
            self.members.start(victim)
            self.done["kills at random"] += 1

    def _fault(self) -> None:
        """Replace a member by one that will die at a named point; not one that is to die anyway."""
        victim = self._one()
        if victim and not self.members.running[victim].armed:
            if not self._points:
                self._points = self._random.sample(get_args(Point), len(get_args(Point)))
            point = self._points.pop()
            self.members.terminate(victim)
            times = self._random.randint(1, _RARELY.get(point, _OFTEN))
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
        if len(self.members.running) > self.fewest and (victim := self._one()):
            self.members.terminate(victim)
            self.done["members removed"] += 1

    def _broker(self) -> None:
        """Kill a broker (each is a controller too)."""
        number = self._random.choice(self.cluster.nodes).id
        if self._break([number], self._random.uniform(2, 8)):
            self.done["brokers killed and restarted"] += 1

    def _blackout(self) -> None:
        """Kill all brokers, for longer than a transaction may be open."""
        numbers = [node.id for node in self.cluster.nodes]
        if self._break(numbers, self._random.uniform(11, 15)):
            self.done["all brokers killed and restarted"] += 1

    def _break(self, numbers: list[int], seconds: float) -> bool:
        """Not while another broker is away: with two of three gone nothing could be promised."""
        if self._mending is not None and self._mending.is_alive():
            return False
        began = time.time()
        for number in numbers:
            self.cluster.kill(number)

        def mend() -> None:
            time.sleep(seconds)
            with ThreadPoolExecutor() as pool:  # together, or the first would wait for a quorum
                list(pool.map(self.cluster.start, numbers))
            self.outages.append((began, time.time()))

        self._mending = threading.Thread(target=mend, daemon=True)
        self._mending.start()
        return True

    def _store(self) -> None:
        self._take_store(self._random.uniform(3, 10))

    def _take_store(self, seconds: float) -> bool:
        away = self.store.with_name(self.store.name + "-away")
        if away.exists():
            return False
        self.store.rename(away)
        self._give_back(seconds, lambda: away.rename(self.store))
        self.done[f"object store outages{_LONG if seconds >= 60 else ''}"] += 1
        return True

    def _registry(self) -> None:
        self._take_registry(self._random.uniform(3, 10))

    def _take_registry(self, seconds: float) -> bool:
        registry = self.registry
        if registry is None or self._registry_away:
            return False
        self._registry_away = True
        registry.suspend()

        def back() -> None:
            registry.resume()
            self._registry_away = False

        self._give_back(seconds, back)
        self.done[f"registry outages{_LONG if seconds >= 60 else ''}"] += 1
        return True

    def _give_back(self, seconds: float, back: Callable[[], object]) -> None:
        began = time.time()

        def due() -> None:
            back()
            self.outages.append((began, time.time()))

        self._later.append((time.monotonic() + seconds, due))
