"""The demo's own check finds what is missing, twice or wrong; and turns carry voices."""

from dataclasses import replace

import numpy as np

from consumer.events import EventWriter, Topics
from consumer.inference.results import Analysis, Fingerprint, Models, Segment
from consumer.records import InputRecord, Ticket
from producer_tools import completeness, meeting
from producer_tools.linking import link
from producer_tools.rttm import Turn
from producer_tools.scoring import error_rate
from schemas.codec import Decoder, Encoder
from schemas.records import (
    AudioChunk,
    ChunkResult,
    Record,
    SpeakerFingerprint,
    SpeakerSegment,
)

CHUNK = AudioChunk(recording_id="m", chunk_id="c0", sequence=0, start_s=30.0, uri="file:///a")
MODELS = Models("d", "e", "0" * 64, "1" * 64, 0.5, 0.6, "2" * 64)


def events() -> list[Record]:
    writer = EventWriter(Encoder(), Topics(), MODELS, "0.1.0")
    types = {topic: record for record, topic in Topics().outputs.items()}
    record = InputRecord(Ticket(0, 0, 0), "audio-chunks", b"m", b"", (), 0)
    analysis = Analysis(
        30.0,
        (Segment(0, 1.0, 3.0, 0.9, 0.0), Segment(1, 2.0, 4.0, 0.5, 0.5)),
        (Fingerprint(0, np.array([0.6, 0.8], np.float32), 2.0, True, None, 1.0, 0.9),),
    )
    outputs = writer.diarized(CHUNK, record, analysis)
    return [Decoder().decode(o.value or b"", types[o.topic]) for o in outputs]


def test_nothing_to_say_about_a_whole_set() -> None:
    assert completeness.complete([CHUNK], events())
    assert completeness.problems([CHUNK], events()) == []


def test_each_event_is_missed_and_noticed_twice() -> None:
    everything = events()
    for index in range(len(everything)):
        missing = everything[:index] + everything[index + 1 :]
        assert not completeness.complete([CHUNK], missing)
        assert completeness.problems([CHUNK], missing)
        assert completeness.problems([CHUNK], [*everything, everything[index]])


def test_wrong_content_is_noticed() -> None:
    for index, event in enumerate(events()):
        changed = events()
        match event:
            case ChunkResult():
                changed[index] = replace(event, status="failed", reason="not_audio")
            case SpeakerSegment():
                changed[index] = replace(event, end_s=event.end_s + 1)
            case SpeakerFingerprint():
                changed[index] = replace(event, embedding=(1.0, 0.0))
        assert completeness.problems([CHUNK], changed)
    result, *flat = events()
    assert isinstance(result, ChunkResult)
    long = replace(result.fingerprints[0], embedding=(3.0, 4.0))
    assert "length 5" in " ".join(
        completeness.problems([CHUNK], [replace(result, fingerprints=(long,)), *flat])
    )


def test_turns_lie_in_the_recording_and_carry_voices() -> None:
    results = [event for event in events() if isinstance(event, ChunkResult)]
    turns = meeting.turns(results, link(results), "m")
    assert [(turn.start_s, turn.duration_s, turn.speaker) for turn in turns] == [
        (31.0, 2.0, "Voice_0"),
        (32.0, 2.0, "c0/Speaker_1"),  # no fingerprint, so no voice
    ]


def test_uncertain_speakers_get_a_question_mark() -> None:
    assert meeting.shown("Speaker_0", 0.6, 0.6) == "Speaker_0"
    assert meeting.shown("Speaker_0", 0.59, 0.6) == "Speaker_0?"
    assert meeting.shown("Speaker_0", None, 0.6) == "Speaker_0?"
    assert meeting.shown("Speaker_0", None, None) == "Speaker_0"


def test_error_rate_worked_out_by_hand() -> None:
    """10 s by a and 5 s by b; x covers 8 s of a and y 4 s of b; 1 s of x is where nobody speaks."""
    reference = [Turn("m", 0, 10, "a"), Turn("m", 12, 5, "b")]
    hypothesis = [Turn("m", 2, 9, "x"), Turn("m", 13, 4, "y")]
    rate = error_rate(reference, hypothesis, [(0.0, 20.0)])
    assert (rate.missed_s, rate.false_alarm_s, rate.confusion_s) == (3.0, 1.0, 0.0)
    assert rate.speech_s == 15.0
    assert rate.der == 4 / 15


def test_names_are_matched_anew_in_each_span() -> None:
    reference = [Turn("m", 0, 10, "a"), Turn("m", 10, 10, "a")]
    hypothesis = [Turn("m", 0, 10, "x"), Turn("m", 10, 10, "y")]
    assert error_rate(reference, hypothesis, [(0.0, 20.0)]).der == 0.5
    assert error_rate(reference, hypothesis, [(0.0, 10.0), (10.0, 20.0)]).der == 0.0
