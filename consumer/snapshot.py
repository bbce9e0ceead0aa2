"""The owner loop's state as others see it: the ready probe, the metrics."""

import time

from consumer.kafka.offsets import Offsets
from consumer.kafka.source import Source
from consumer.pipeline.pipeline import Pipeline
from consumer.telemetry.owner import Lag, OwnerState


def owner_state(
    offsets: Offsets, pipeline: Pipeline, source: Source, buffered_bytes: int
) -> OwnerState:
    """A snapshot, taken by the owner thread."""
    assigned = offsets.assigned
    ends = source.ends(assigned)
    return OwnerState(
        paused=len(source.paused),
        in_flight=sum(offsets.in_flight(p) for p in assigned),
        retrying=pipeline.retrying,
        buffered_bytes=buffered_bytes,
        head_since=pipeline.head_since(offsets.heads()),
        lag={partition: _lag(offsets, partition, ends.get(partition)) for partition in assigned},
    )


def _lag(offsets: Offsets, partition: int, end: int | None) -> Lag:
    oldest_ms = offsets.oldest_ms(partition)
    return Lag(
        records=None if end is None else offsets.behind(partition, end),
        seconds=0.0 if oldest_ms is None else max(0.0, time.time() - oldest_ms / 1000),
    )
