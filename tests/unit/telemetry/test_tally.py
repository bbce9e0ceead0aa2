"""A tally says what a histogram of Prometheus' own client says of the same values."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import generate_latest

from consumer.telemetry.tally import Tally

BUCKETS = (0.1, 0.5, 1.0)


@given(st.lists(st.lists(st.floats(0, 2) | st.sampled_from(BUCKETS), max_size=5), max_size=4))
def test_a_tally_is_exposed_like_a_histogram(batches: Sequence[Sequence[float]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tally = Tally("confidence", "Of segments", ours, BUCKETS)
    histogram = Histogram("confidence", "Of segments", registry=theirs, buckets=BUCKETS)
    for batch in batches:
        tally.add(batch)
        for value in batch:
            histogram.observe(value)
    lines = [
        line for line in generate_latest(theirs).splitlines() if b"confidence_created" not in line
    ]
    assert generate_latest(ours).splitlines() == lines
