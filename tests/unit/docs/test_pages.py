"""The documentation's examples, links and untested commands."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.transcript import blocks, commands, unlike
from tests.unit.docs import example_events

ROOT = Path(__file__).parents[3]
PAGES = sorted((ROOT / "docs").glob("*.md"))
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def test_the_example_events_are_what_the_code_makes() -> None:
    text = example_events.PAGE.read_text(encoding="utf-8")
    hint = "run `python -m tests.unit.docs.example_events`"
    assert example_events.page(text) == text, hint


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text("utf-8")):
        if target.startswith("http"):
            continue
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", found.read_text("utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
            assert heading in anchors, f"{target}#{heading}"


@each_page
def test_commands_that_no_test_runs_say_why(page: Path) -> None:
    text = page.read_text("utf-8")
    assert {language for language, _ in blocks(text)} <= {"console", "python", "json", "sh"}
    assert text.count("```sh\n") == len(re.findall(r"<!-- not run: [^>]+ -->\n```sh\n", text))


def test_pages_with_commands_are_followed() -> None:
    """By tests/integration/docs/test_transcripts.py."""
    with_commands = {page.stem for page in PAGES if list(commands(page.read_text("utf-8")))}
    assert with_commands == {"quickstart", "python", "other-languages", "cluster"}


def test_the_old_answer_is_what_the_endpoint_said() -> None:
    text = (ROOT / "docs" / "moving-from-http.md").read_text("utf-8")
    (program,) = (block for language, block in blocks(text) if language == "python")
    made: dict[str, Any] = {}
    exec(program, made)  # noqa: S102 # our own page
    assert made["as_before"](example_events.RESULT) == {
        "duration": 30.0,
        "segments": [
            {"start_s": 0.24, "end_s": 12.8, "speaker": "Speaker_0", "confidence": 0.875},
            {"start_s": 12.56, "end_s": 13.12, "speaker": "Speaker_1", "confidence": 0.625},
        ],
        "speakers_detected": ["Speaker_0", "Speaker_1"],
        "fingerprints": {"Speaker_0": [0.5, -0.5, 0.5, 0.5]},
        "models": {
            "diarization": "speakerstream/compact-sortformer",
            "embedding": "speakerstream/compact-titanet",
        },
    }


def test_how_a_page_is_read() -> None:
    page = "```console\n$ one \\\n> two\nsaid\n...\nx...y\n$ three\n```\n```sh\n$ four\n```\n"
    first, second = commands(page)
    assert (first.text, first.expected) == ("one \\\ntwo", ("said", "...", "x...y"))
    assert (second.text, second.expected) == ("three", ())
    assert unlike(first.expected, "said\nmore\nx and y\n") is None
    assert unlike(first.expected, "x and y\nsaid\n") == "x...y"
    assert unlike(("a.c",), "abc") == "a.c"
