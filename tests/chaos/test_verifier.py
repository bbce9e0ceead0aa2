"""The verifier must see what it is there to see: each flaw, made by hand, in its own count."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from consumer.errors import Reason
from consumer.events import EventWriter
from consumer.inference.stand_in import StandInEngine
from consumer.records import InputRecord, OutputRecord, Ticket
from schemas.codec import Decoder, Encoder
from schemas.records import AudioChunk
from tests.brokers import client
from tests.brokers.fixtures import Broker
from tests.chaos.feed import Feed
from tests.chaos.sounds import Sound, sounds
from tests.chaos.verifier import Verifier
from tests.service.installation import Installation

Answers = list[tuple[OutputRecord, ...]]  # of each input, in order

_CHUNKS = 12
_POISON = 5
POISON = {_POISON: Reason.MALFORMED_EVENT}


def _answer(installation: Installation, objects: list[Sound]) -> Answers:
    writer = EventWriter(Encoder(), installation.topics, StandInEngine().models, "0")
    answers: Answers = []
    for stored in installation.read(installation.topics.audio_chunks):
        record = InputRecord(
            Ticket(stored.partition, 1, stored.offset),
            stored.topic,
            stored.key,
            stored.value,
            stored.headers,
            stored.timestamp_ms,
        )
        if len(answers) == _POISON:
            answers.append(writer.failed(record, None, Reason.MALFORMED_EVENT, "why"))
        else:
            chunk = Decoder().decode(stored.value or b"", AudioChunk)
            answers.append(writer.diarized(chunk, record, objects[len(answers)].analysis))
    return answers


def _nothing(answers: Answers) -> Answers:
    return answers


def _lose(answers: Answers) -> Answers:
    return answers[:3] + answers[4:]


def _repeat(answers: Answers) -> Answers:
    return [*answers, answers[-1]]


def _swap(answers: Answers) -> Answers:
    return [answers[1], answers[0], *answers[2:]]


def _lose_a_segment(answers: Answers) -> Answers:
    return [(answers[0][0], *answers[0][2:]), *answers[1:]]


def _mistake_a_neighbour(answers: Answers) -> Answers:
    """The answer to one chunk with the place of another."""
    return [answers[1], answers[1], *answers[2:]]


def _change_a_letter(answers: Answers) -> Answers:
    letter, result = answers[_POISON]
    return [*answers[:_POISON], (letter._replace(value=b"other"), result), *answers[_POISON + 1 :]]


@pytest.mark.parametrize(
    ("spoil", "counts"),
    [
        (_nothing, {}),
        (_lose, {"lost": 1}),
        (_repeat, {"duplicated": 1, "flat_events_duplicated": 0}),
        (_swap, {"out_of_order": 1}),
        (_lose_a_segment, {"flat_events_lost": 1}),
        (_mistake_a_neighbour, {"lost": 1, "duplicated": 1}),
        (_change_a_letter, {"dead_letters_wrong": 1}),
    ],
)
def test_each_flaw_is_counted(
    kafka_broker: Broker,
    unique: str,
    tmp_path: Path,
    spoil: Callable[[Answers], Answers],
    counts: dict[str, int],
) -> None:
    installation = Installation(kafka_broker.bootstrap, unique, tmp_path)
    objects = sounds(installation)
    _publish(installation, objects)
    answers = spoil(_answer(installation, objects))
    client.produce(kafka_broker.bootstrap, *(output for answer in answers for output in answer))
    verdict = Verifier(installation, objects, POISON).verdict()
    assert verdict.flawless == (not counts)
    assert {name: asdict(verdict)[name] for name in counts} == counts


def test_an_answer_to_another_sound_is_wrong(
    kafka_broker: Broker, unique: str, tmp_path: Path
) -> None:
    installation = Installation(kafka_broker.bootstrap, unique, tmp_path)
    objects = sounds(installation)
    _publish(installation, objects)
    answers = _answer(installation, objects[1:])
    client.produce(kafka_broker.bootstrap, *(output for answer in answers for output in answer))
    verdict = Verifier(installation, objects, POISON).verdict()
    assert (verdict.wrong, verdict.lost, verdict.duplicated) == (_CHUNKS - 1, 0, 0)


def _publish(installation: Installation, objects: list[Sound]) -> None:
    encoder = installation.encoder
    records = []
    for number in range(_CHUNKS):
        chunk = installation.chunk(
            number, recording_id="r", sequence=number, **objects[number].fields
        )
        value = b"\0\0\0" if number == _POISON else encoder.encode(chunk)
        header = (("chaos.number", str(number).encode()),)
        records.append(OutputRecord(installation.topics.audio_chunks, b"r", value, header))
    client.produce(installation.bootstrap, *records)


def test_the_feed_says_what_is_poison(kafka_broker: Broker, unique: str, tmp_path: Path) -> None:
    installation = Installation(kafka_broker.bootstrap, unique, tmp_path)
    feed = Feed(installation, sounds(installation), rate=2000, seed=1)
    feed.start()
    while feed.published < 1000:
        feed.join(0.05)
    feed.finish()
    assert len(installation.read(installation.topics.audio_chunks)) == feed.published
    assert 0 < len(feed.poison) < feed.published * 0.03
