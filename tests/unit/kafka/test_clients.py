"""What the Kafka clients are told."""

import pytest

from consumer import assembly, run
from consumer.assembly import client_options
from consumer.kafka.clients import ClientOptions, consumer_config, producer_config
from consumer.settings import LONGEST_TRANSACTION_S, Settings


def test_the_group_outwaits_the_watchdog_and_not_much_more() -> None:
    options = ClientOptions("broker:9092", "group", "one")
    assert consumer_config(options)["max.poll.interval.ms"] == options.max_poll_interval_s * 1000
    assert run._OWNER_LIMIT_S < options.max_poll_interval_s < 2 * run._OWNER_LIMIT_S


def test_the_watchdog_outwaits_the_longest_call_to_a_broker() -> None:
    assert LONGEST_TRANSACTION_S + assembly._REVOKE_LONGEST_S < run._OWNER_LIMIT_S


def test_an_operator_may_set_how_long_the_group_waits() -> None:
    mine = {"max.poll.interval.ms": "400000"}
    options = ClientOptions("broker:9092", "group", "one", consumer_properties=mine)
    assert options.max_poll_interval_s == 400
    assert consumer_config(options)["max.poll.interval.ms"] == "400000"


@pytest.mark.parametrize(
    ("results", "dead_letters", "batch"),
    [(50_000, 2_000_000, 50_000), (1_000_000, 40_000, 40_000), (5_000_000, 6_000_000, 1_000_000)],
)
def test_no_batch_is_larger_than_every_output_topic_takes(
    results: int, dead_letters: int, batch: int
) -> None:
    named = {"bootstrap_servers": "b:1", "diarizer": "compact", "embedder": "compact"}
    limits = {"max_message_bytes": results, "max_dead_letter_bytes": dead_letters}
    settings = Settings(**named, **limits)  # type: ignore[arg-type]
    config = producer_config(client_options(settings))
    assert config["batch.size"] == batch
    assert config["message.max.bytes"] == max(results, dead_letters) + 100_000
