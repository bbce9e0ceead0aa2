"""The committed AsyncAPI document: up to date, and saying what dead letters really carry."""

import json

from consumer.dead_letters import dead_letter
from consumer.errors import Reason
from consumer.events import Topics
from consumer.records import InputRecord, Ticket
from producer_tools import asyncapi
from producer_tools.topics import names


def test_the_committed_document_is_up_to_date() -> None:
    committed = asyncapi.DOCUMENT.read_text(encoding="utf-8")
    assert committed == asyncapi.text(), "run `python -m producer_tools.asyncapi`"


def test_every_topic_is_a_channel() -> None:
    channels = asyncapi.document()["channels"]
    assert {channel["address"] for channel in channels.values()} == set(names(Topics()))


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi.document()

    def references(value: object) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if "$ref" in value else []
            return own + [ref for item in value.values() for ref in references(item)]
        return (
            [ref for item in value for ref in references(item)] if isinstance(value, list) else []
        )

    found = references(document)
    assert len(found) == 15
    for reference in found:
        place = json.loads(json.dumps(document))
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_the_headers_are_those_of_a_dead_letter() -> None:
    record = InputRecord(Ticket(0, 0, 7), "in", b"k", b"v", (), 0)
    letter = dead_letter(record, "dead", Reason.NOT_AUDIO, "no", "1.0.0", 1_000_000)
    described = asyncapi.document()["components"]["messages"]["DeadLetter"]["headers"]
    assert {name for name, _ in letter.headers} == set(described["required"])
