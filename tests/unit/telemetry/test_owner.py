"""What a scrape sees of the owner loop before its first turn, while the models are loaded."""

import time

from consumer.telemetry.metrics import Metrics
from consumer.telemetry.owner import OwnerCollector, Pulse, Stopwatch

MOMENTS = ("last_poll_timestamp_seconds", "last_commit_timestamp_seconds")


def test_before_the_first_poll_no_moment_is_shown_and_after_it_both_are_recent() -> None:
    metrics, pulse = Metrics(["out"]), Pulse()
    OwnerCollector(pulse, "in").register(metrics.registry)
    for name in MOMENTS:
        assert metrics.registry.get_sample_value(f"speakerstream_{name}") is None
    began = time.time()
    pulse.polled()
    for name in MOMENTS:
        value = metrics.registry.get_sample_value(f"speakerstream_{name}")
        assert value is not None
        assert began <= value <= time.time()


def test_time_before_the_first_turn_is_no_time_of_the_loop() -> None:
    metrics = Metrics(["out"])
    stopwatch = Stopwatch(metrics)
    time.sleep(0.05)
    began = time.monotonic()
    stopwatch.enter("poll")
    stopwatch.enter("collect")
    spent = sum(
        sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "speakerstream_owner_seconds_total"
    )
    assert spent <= time.monotonic() - began
