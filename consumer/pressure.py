"""When to stop fetching, and which partitions: windows of records, and a bound on memory."""

from consumer.kafka.offsets import Offsets
from consumer.kafka.source import Source
from consumer.pipeline.pipeline import Pipeline
from consumer.service_options import ServiceOptions

_RESUME_AT = 0.5  # of a limit: pausing throws the prefetch away, so not back and forth


class Pressure:
    """Pauses what has enough in flight, and all when memory is full; for the owner thread alone."""

    def __init__(self, offsets: Offsets, pipeline: Pipeline, options: ServiceOptions) -> None:
        self._offsets = offsets
        self._pipeline = pipeline
        self._options = options
        self._full = False

    def buffered_bytes(self, held: int) -> int:
        """What is held in memory, with `held` bytes of records that wait to be begun."""
        return self._pipeline.buffered_bytes + self._offsets.retained_bytes + held

    def saturated(self, source: Source, held: int) -> bool:
        """Whether something that is still fetched has reached its limit.

        Then nothing is polled for a while, because a fast engine has room again within milliseconds
        and pausing is dear: it throws the prefetch away, and a resumed partition is fetched again
        only once the fetch under way is answered, which may wait half a second for records of the
        other partitions.
        """
        if not self._full and self.buffered_bytes(held) > self._options.buffered_bytes:
            return True
        window, paused = self._options.window, source.paused
        return any(
            self._offsets.in_flight(partition) >= window
            for partition in self._offsets.assigned
            if partition not in paused
        )

    def apply(self, source: Source, held: int) -> None:
        """Pause and resume the source's partitions; `held` as above."""
        limit = self._options.buffered_bytes
        self._full = self.buffered_bytes(held) > (limit * _RESUME_AT if self._full else limit)
        window = self._options.window
        for partition in self._offsets.assigned:
            in_flight = self._offsets.in_flight(partition)
            if self._full or in_flight >= window:
                source.pause([partition])
            elif in_flight <= window * _RESUME_AT:
                source.resume([partition])
