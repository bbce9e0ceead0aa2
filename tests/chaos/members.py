"""The group's members: processes that die and come back, and what their logs say."""

import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

from consumer.errors import ExitCode
from producer_tools.guarded import GuardedProcess

STOP_S = 60.0  # 20 to drain, 10 to close, and as much again for a busy machine


def seconds(timestamp: str) -> float:
    """Since 1970, of a log line's timestamp."""
    return datetime.fromisoformat(timestamp).timestamp()


@dataclass
class Member:
    """One life of one instance."""

    instance: str
    process: GuardedProcess
    log: Path
    armed: str = ""  # the fault it will die of
    frozen: bool = False
    was_frozen: bool = False

    @property
    def running(self) -> bool:
        """Whether it has not ended, frozen or not."""
        return self.process.poll() is None

    def said(self, about: str = "") -> Iterator[dict[str, Any]]:
        """Its log, line by line, as far as it contains `about` and is JSON."""
        for line in self.log.read_text(errors="replace").splitlines():
            if line.startswith("{") and about in line:
                try:
                    yield json.loads(line)
                except ValueError:  # the last line of a killed process
                    continue

    def partitions(self) -> set[int]:
        """What it owned at the end of its log."""
        owned: set[int] = set()
        for line in self.said("partitions_"):
            match line.get("event"):
                case "partitions_assigned":
                    owned |= set(line["partitions"])
                case "partitions_revoked" | "partitions_lost":
                    owned -= set(line["partitions"])
        return owned


@dataclass
class Members:
    """Starts and ends members. `ended` counts how lives ended: by whom or with which code."""

    environment: Mapping[str, str]
    folder: Path
    lives: list[Member] = field(default_factory=list)
    running: dict[str, Member] = field(default_factory=dict)
    ended: Counter[str] = field(default_factory=Counter)
    bad_ends: list[str] = field(default_factory=list)
    stops_s: list[float] = field(default_factory=list)  # from SIGTERM to the end

    def start(self, instance: str, fault: str = "") -> None:
        """A new life of `instance`."""
        log = self.folder / f"{instance}-{len(self.lives)}.log"
        environment = {
            **self.environment,
            "SPEAKERSTREAM_INSTANCE_ID": instance,
            "SPEAKERSTREAM_FAULT": fault,
        }
        command = [sys.executable, "-m", "consumer", "run"]
        process = GuardedProcess(command, log=log, env=environment)
        self.running[instance] = Member(instance, process, log, fault)
        self.lives.append(self.running[instance])

    def kill(self, instance: str) -> Member:
        """SIGKILL."""
        member = self.running.pop(instance)
        member.process.kill()
        self.ended["kill -9"] += 1
        return member

    def terminate(self, instance: str) -> None:
        """SIGTERM; must end with 0 in time."""
        member = self.running.pop(instance)
        began = time.monotonic()
        status = member.process.stop(STOP_S)
        self.stops_s.append(time.monotonic() - began)
        started = any(line.get("event") == "started" for line in member.said("started"))
        if status == 0:
            self.ended["SIGTERM, exit 0"] += 1
        elif status == -SIGKILL and member.armed:  # on its way out it passed its point
            self.ended[f"killed {member.armed.partition(':')[0]}"] += 1
        elif status == -SIGTERM and not started:  # Python was still importing
            self.ended["SIGTERM before start"] += 1
        else:
            self.bad_ends.append(
                f"{member.log.name}: status {status} {self.stops_s[-1]:.0f} s after SIGTERM"
            )

    def freeze(self, instance: str) -> None:
        """SIGSTOP, until it holds."""
        self.running[instance].process.suspend()
        self.running[instance].frozen = self.running[instance].was_frozen = True

    def thaw(self, instance: str) -> None:
        """SIGCONT."""
        if instance in self.running:
            self.running[instance].process.resume()
            self.running[instance].frozen = False

    def awake(self) -> list[str]:
        """Instances that run and are not frozen."""
        return sorted(name for name, m in self.running.items() if m.running and not m.frozen)

    def bury(self) -> list[Member]:
        """Take out those that ended by themselves; how they ended is counted."""
        dead = [member for member in self.running.values() if not member.running]
        for member in dead:
            del self.running[member.instance]
            status = member.process.poll()
            fault = member.armed.partition(":")[0]
            if status == -SIGKILL and fault:
                self.ended[f"killed {fault}"] += 1
            elif status == ExitCode.FENCED and member.was_frozen:
                # Its transaction timed out meanwhile: it may not go on as if nothing had happened.
                self.ended["fenced after a freeze"] += 1
            else:
                last: dict[str, Any] = next(
                    (
                        line
                        for line in reversed([*member.said()])
                        if line.get("level") == "critical"
                    ),
                    {},
                )
                self.ended[f"exit {status} {last.get('code', '')}".strip()] += 1
                self.bad_ends.append(
                    f"{member.log.name}: status {status} {last.get('message', '')}"
                )
        return dead

    def pid(self, instance: str) -> int | None:
        """Process id of an instance that runs."""
        member = self.running.get(instance)
        return member.process.pid if member is not None else None

    def assignments(self) -> Mapping[int, list[float]]:
        """When each partition was assigned to someone, as the logs say."""
        moments: dict[int, list[float]] = defaultdict(list)
        for life in self.lives:
            for line in life.said("partitions_assigned"):
                for partition in line["partitions"]:
                    moments[partition].append(seconds(line["timestamp"]))
        return moments

    def close(self) -> None:
        """Kill what is left."""
        for member in self.running.values():
            member.process.kill()
        self.running.clear()
