"""A Prometheus histogram that takes many values at once."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Tally(Collector):
    """Like `prometheus_client.Histogram`, which takes a lock or two for each value.

    One thread adds; any other may read.
    """

    def __init__(
        self, name: str, text: str, registry: CollectorRegistry, buckets: tuple[float, ...]
    ) -> None:
        self._name = name
        self._text = text
        self._bounds = (*buckets, float("inf"))
        self._state = [0] * len(self._bounds), 0.0
        registry.register(self)

    def add(self, values: Iterable[float]) -> None:
        """Count each of `values`."""
        counts, total = list(self._state[0]), self._state[1]
        for value in values:
            counts[bisect_left(self._bounds, value)] += 1
            total += value
        self._state = counts, total  # at once: a scrape sees all of them or none

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """See `Collector.collect`."""
        counts, total = self._state
        buckets = [
            (floatToGoString(bound), float(count))  # type: ignore[no-untyped-call]
            for bound, count in zip(self._bounds, accumulate(counts), strict=True)
        ]
        yield HistogramMetricFamily(self._name, self._text, buckets=buckets, sum_value=total)
