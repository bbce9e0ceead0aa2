"""What the Kafka clients are told."""

from consumer import run
from consumer.kafka.clients import ClientOptions, consumer_config


def test_the_group_outwaits_the_watchdog_and_not_much_more() -> None:
    options = ClientOptions("broker:9092", "group", "one")
    assert consumer_config(options)["max.poll.interval.ms"] == options.max_poll_interval_s * 1000
    assert run._OWNER_LIMIT_S < options.max_poll_interval_s < 2 * run._OWNER_LIMIT_S


def test_an_operator_may_set_how_long_the_group_waits() -> None:
    mine = {"max.poll.interval.ms": "400000"}
    options = ClientOptions("broker:9092", "group", "one", consumer_properties=mine)
    assert options.max_poll_interval_s == 400
    assert consumer_config(options)["max.poll.interval.ms"] == "400000"
