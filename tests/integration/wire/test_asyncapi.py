"""The AsyncAPI document as AsyncAPI's own parser sees it."""

import json
from pathlib import Path

import pytest

import tests.wire
from producer_tools import asyncapi
from tests.brokers.parts import RealParts
from tests.wire.npm import Node, program

pytestmark = pytest.mark.parts

PROGRAM = Path(tests.wire.__file__).parent / "asyncapi" / "validate.cjs"


@pytest.fixture(scope="module")
def validate(real_parts: RealParts, tmp_path_factory: pytest.TempPathFactory) -> Node:
    return program(real_parts, PROGRAM, tmp_path_factory.mktemp("asyncapi"))


def test_the_parser_finds_nothing_wrong(validate: Node) -> None:
    assert validate(str(asyncapi.DOCUMENT)).splitlines() == [
        "DeadLetter speakerstream.v1.AudioChunk speakerstream.v1.ChunkResult "
        "speakerstream.v1.SpeakerFingerprint speakerstream.v1.SpeakerSegment"
    ]


def test_the_parser_finds_what_is_wrong(validate: Node, tmp_path: Path) -> None:
    broken = asyncapi.document()
    del broken["info"]["title"]
    broken["components"]["messages"]["AudioChunk"]["payload"]["schema"]["fields"][0]["type"] = "no"
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken))
    said = validate(str(path))
    assert said.startswith("0 ")
    assert "title" in said
