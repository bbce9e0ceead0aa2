"""`speakerstream tail` beside events of every kind: what is asked for, and nothing stops it.

On Apache Kafka: the embedded broker knows no offsets by time.
"""

import json
import uuid
from datetime import UTC, datetime

import pytest
from confluent_kafka.admin import AdminClient
from typer.testing import CliRunner

from consumer.dead_letters import dead_letter
from consumer.errors import Reason
from consumer.events import Topics
from consumer.records import InputRecord, OutputRecord, Ticket
from producer_tools import topics
from producer_tools.cli import app
from schemas.codec import Encoder
from tests.brokers import client
from tests.brokers.fixtures import Broker
from tests.unit.tools.test_report import result


@pytest.fixture(scope="module")
def named(kafka_broker: Broker) -> Topics:
    """A good and a failed result, a dead letter, and something that is no event."""
    prefix = f"tail-{uuid.uuid4().hex[:8]}"
    named = Topics(*(f"{prefix}-{n}" for n in ("in", "results", "segments", "voices", "dead")))
    topics.create(
        AdminClient({"bootstrap.servers": kafka_broker.bootstrap}), named, topics.Layout(1)
    )
    record = InputRecord(Ticket(0, 0, 7), named.audio_chunks, b"r", b"value", (), 0)
    good, bad = result(0, recording="r"), result(1, recording="r", reason="not_audio")
    other = result(0, recording="other", reason="too_large")
    client.produce(
        kafka_broker.bootstrap,
        OutputRecord(named.chunk_results, b"r", Encoder().encode(good), ()),
        OutputRecord(named.chunk_results, b"r", b"nonsense", ()),
        OutputRecord(named.chunk_results, b"r", Encoder().encode(bad), ()),
        OutputRecord(named.chunk_results, b"other", Encoder().encode(other), ()),
        dead_letter(record, named.dead_letters, Reason.NOT_AUDIO, "no sound", "1", 1_000_000),
    )
    return named


BOTH = ("chunk-results", "dead-letters")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((*BOTH, "--from-beginning"), {"0-0", "1-0", "DeadLetter", "other"}),
        ((*BOTH, "--from-beginning", "--recording", "r"), {"0-0", "1-0", "DeadLetter"}),
        ((*BOTH, "--from-beginning", "--failed"), {"1-0", "DeadLetter", "other"}),
        (("chunk-results", "--since", "2000-01-01", "--reason", "not_audio"), {"1-0"}),
        (("dead-letters", "--since", "2999-01-01"), set()),
    ],
)
def test_what_is_asked_for(
    kafka_broker: Broker, named: Topics, arguments: tuple[str, ...], expected: set[str]
) -> None:
    environment = {
        "SPEAKERSTREAM_BOOTSTRAP_SERVERS": kafka_broker.bootstrap,
        "SPEAKERSTREAM_TOPIC_CHUNK_RESULTS": named.chunk_results,
        "SPEAKERSTREAM_TOPIC_DEAD_LETTERS": named.dead_letters,
    }
    call = ["tail", *arguments, "--json", "--idle-seconds", "2"]
    done = CliRunner().invoke(app, call, env=environment)
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    seen = {
        "DeadLetter"
        if line["type"] == "DeadLetter"
        else "other"
        if line["key"] == "other"
        else line["value"]["result_id"]
        for line in lines
    }
    assert seen == expected
    assert len(lines) == len(expected)
    if "chunk-results" in arguments:
        assert "@1 cannot be read: 8 bytes" in done.stderr
    for line in lines:
        if line["type"] == "DeadLetter":
            written = datetime.fromisoformat(line["value"].pop("written"))
            assert abs((datetime.now(UTC) - written).total_seconds()) < 3600
            assert line["value"] == {
                "recording_id": "r",
                "source": f"{named.audio_chunks}[0]@7",
                "reason": "not_audio",
                "message": "no sound",
                "attempts": "1",
            }
