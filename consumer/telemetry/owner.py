"""The owner loop as telemetry sees it: where its time goes, and a snapshot of its state."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from consumer.telemetry.metrics import ACTIVITIES, PREFIX, Activity, Metrics


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a partition is behind."""

    records: int | None  # None while the partition's end is not known yet
    seconds: float  # age of the oldest record that is polled and not committed


@dataclass(frozen=True, slots=True)
class OwnerState:
    """Taken by the owner thread about once a second, read by any other."""

    paused: int = 0
    in_flight: int = 0
    retrying: int = 0
    buffered_bytes: int = 0
    # Monotonic time of the last progress of the head record that made none for longest; None
    # when no head is being worked on outside a declared retry.
    head_since: float | None = None
    lag: Mapping[int, Lag] = field(default_factory=dict)  # by assigned partition


class Stopwatch:
    """Adds the owner loop's time to the activity it is in. For the owner thread alone."""

    def __init__(self, metrics: Metrics) -> None:
        self._totals = {name: metrics.owner.labels(name) for name in ACTIVITIES}
        self._activity: Activity = "start"
        self._since: float | None = None  # loading models is none of the loop's time

    def enter(self, activity: Activity) -> Activity:
        """Begin `activity`; returns the one before, to go back to."""
        now = time.monotonic()
        before = self._activity
        if self._since is not None:
            self._totals[before].inc(now - self._since)
        self._activity, self._since = activity, now
        return before


@dataclass(slots=True)
class Pulse:
    """Signs of life; written by the owner thread, one attribute at a time, read by any other."""

    last_poll: float | None = None  # monotonic; None before the first
    # Seconds since 1970, as Prometheus wants them; None before the first poll.
    last_poll_at: float | None = None
    last_commit_at: float | None = None
    state: OwnerState = field(default_factory=OwnerState)

    def polled(self) -> None:
        """A poll begins."""
        self.last_poll, self.last_poll_at = time.monotonic(), time.time()
        if self.last_commit_at is None:  # what is never committed must grow old, too
            self.last_commit_at = self.last_poll_at


class OwnerCollector(Collector):
    """Exposes the pulse. Series of a partition that was taken away are gone with it."""

    def __init__(self, pulse: Pulse, topic: str) -> None:
        self._pulse = pulse
        self._topic = topic

    def register(self, registry: CollectorRegistry) -> None:
        """Become part of every scrape."""
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """See `Collector.collect`."""
        state = self._pulse.state
        since = state.head_since
        values: dict[tuple[str, str], float | None] = {
            ("assigned_partitions", "Partitions owned"): len(state.lag),
            ("paused_partitions", "Partitions not being fetched"): state.paused,
            ("inflight_records", "Records polled and not committed"): state.in_flight,
            ("retrying_records", "Records in a declared retry"): state.retrying,
            ("buffered_bytes", "Bytes of objects, waveforms and outputs"): state.buffered_bytes,
            ("head_age_seconds", "Time without progress of the head that made none for longest"): (
                0.0 if since is None else max(0.0, time.monotonic() - since)
            ),
            ("last_poll_timestamp_seconds", "When the last poll began"): self._pulse.last_poll_at,
            ("last_commit_timestamp_seconds", "When the last transaction was committed"): (
                self._pulse.last_commit_at
            ),
        }
        for (name, text), value in values.items():
            # None while there is none: a moment of zero would be fifty years ago.
            yield GaugeMetricFamily(f"{PREFIX}_{name}", text, value)
        yield from self._lag(state)

    def _lag(self, state: OwnerState) -> Iterator[GaugeMetricFamily]:
        labels = ["topic", "partition"]
        records = GaugeMetricFamily(
            f"{PREFIX}_consumer_lag_records", "End offset minus our committed offset", labels=labels
        )
        seconds = GaugeMetricFamily(
            f"{PREFIX}_consumer_lag_seconds", "Age of the oldest uncommitted record", labels=labels
        )
        for partition, lag in state.lag.items():
            if lag.records is not None:
                records.add_metric([self._topic, str(partition)], lag.records)
            seconds.add_metric([self._topic, str(partition)], lag.seconds)
        yield records
        yield seconds
