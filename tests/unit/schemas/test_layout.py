"""What the codec's property tests do not show: refusals, and the parts that events share."""

from dataclasses import replace
from typing import Any

import pytest

from schemas import catalogue
from schemas.codec import Encoder
from schemas.errors import MalformedEventError
from schemas.records import SpeakerFingerprint

VOICE = SpeakerFingerprint(
    event_id="e",
    result_id="r",
    recording_id="c",
    chunk_id="c",
    sequence=0,
    speaker="Speaker_0",
    embedding=(0.5, -0.5),
    speech_s=3.0,
    clean=True,
    norm=0.9,
    model="m",
)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("speaker", None),
        ("speaker", 7),
        ("speaker", "\ud800"),
        ("sequence", "1"),
        ("sequence", 1.5),
        ("sequence", 2**31),
        ("sequence", 2**63),
        ("speech_s", "long"),
        ("norm", None),
        ("norm", 1e39),
        ("embedding", ("x",)),
        ("embedding", (1e39,)),
        ("embedding", None),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(field: str, value: Any) -> None:
    wrong: dict[str, Any] = {field: value}
    with pytest.raises(MalformedEventError, match=f"SpeakerFingerprint cannot be encoded: {field}"):
        Encoder().encode(replace(VOICE, **wrong))


@pytest.mark.parametrize(
    ("array", "flat"), [("segments", "SpeakerSegment"), ("fingerprints", "SpeakerFingerprint")]
)
def test_a_flat_event_has_the_nested_fields_with_the_same_types(array: str, flat: str) -> None:
    def types(fields: list[dict[str, Any]]) -> dict[str, Any]:
        return {field["name"]: field["type"] for field in fields}

    result = types(catalogue.current("ChunkResult")["fields"])
    nested = types(result[array]["items"]["fields"])
    assert nested.items() <= types(catalogue.current(flat)["fields"]).items()
