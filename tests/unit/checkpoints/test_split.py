"""Nobody is heard both in training and in the measure."""

from deploy.checkpoints import heldout, voices
from deploy.checkpoints.voices import Voice


def test_nobody_is_on_two_sides_of_the_split() -> None:
    sides = voices.people(voices.read())
    assert {side for each in sides.values() for side in each} == {"train", "development", "heldout"}
    assert {person: each for person, each in sides.items() if len(each) > 1} == {}


def test_a_person_on_two_sides_would_be_seen() -> None:
    table = voices.read()
    heard = next(voice for voice in table if voice.split == "heldout")
    twice = Voice(**{**vars(heard), "voice": "again", "split": "train"})
    assert voices.people([*table, twice])[heard.person] == {"heldout", "train"}


def test_the_held_out_conversations_are_the_frozen_ones_of_held_out_voices() -> None:
    known = voices.by_name()
    entries = heldout.manifest()  # refuses a manifest that does not have the frozen hash
    conversations = [entry for entry in entries if entry.recording.startswith("c")]
    assert len(conversations) >= 100
    assert all(30 <= entry.seconds <= 90 for entry in conversations)
    assert {known[name].split for entry in entries for name in entry.voices.split()} == {"heldout"}
    for entry in entries:
        people = {known[name].person for name in entry.voices.split()}
        assert len(people) == entry.speakers
