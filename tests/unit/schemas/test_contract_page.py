"""README.md is the contract in words: what it lists must be what the code does."""

import json
import re
from dataclasses import fields
from datetime import datetime
from pathlib import Path

from consumer import event_ids
from consumer.errors import Reason
from schemas import records
from schemas.codec import Decoder, Encoder

PAGE = Path(records.__file__).with_name("README.md").read_text(encoding="utf-8")


def test_every_reason_is_listed_and_no_other() -> None:
    section = PAGE.split("### Reasons")[1].split("##")[0]
    assert set(re.findall(r"`(\w+)`", section)) == {reason.value for reason in Reason}


def test_every_field_is_named() -> None:
    words = set(re.findall(r"`([a-z0-9_]+)`", PAGE))
    for record in (
        records.AudioChunk,
        records.ChunkResult,
        records.Segment,
        records.Fingerprint,
        records.Thresholds,
        records.Source,
        records.Models,
        records.SpeakerSegment,
    ):
        assert {field.name for field in fields(record)} - {"model"} <= words, record


def test_the_example_is_a_chunk_result() -> None:
    example = json.loads(PAGE.split("```json")[1].split("```")[0])
    example["fingerprints"][0]["embedding"].pop()  # "... 192 floats"
    example["processed_at"] = datetime.fromisoformat(example["processed_at"])
    result = records.ChunkResult.from_avro(example)
    decoded = Decoder().decode(Encoder().encode(result), records.ChunkResult)
    assert decoded.segments[0].end_s == 12.8


def test_the_namespace_is_the_one_in_the_code() -> None:
    assert f"`{event_ids.NAMESPACE}`" in PAGE
