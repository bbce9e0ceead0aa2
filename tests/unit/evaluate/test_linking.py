import numpy as np
import pytest

from consumer.inference.results import Analysis, Fingerprint, Segment
from producer_tools.evaluate.answers import Answer
from producer_tools.evaluate.linking import link
from producer_tools.evaluate.recordings import RecordingInMemory
from producer_tools.rttm import Turn

REFERENCE = (
    Turn("m", 0.0, 5.0, "Ann"), Turn("m", 5.0, 5.0, "Bob"),
    Turn("m", 10.0, 5.0, "Ann"), Turn("m", 15.0, 5.0, "Bob"),
)  # fmt: skip
MEETING = RecordingInMemory("m", REFERENCE, np.zeros(1600, np.float32))


def chunk(
    start: float, first: tuple[int, float], second: tuple[int, float], speech_s: float = 5.0
) -> Answer:
    """Two local speakers of 5 s each, with fingerprints at an angle in degrees; the second one's is
    of `speech_s`.
    """
    spoken = [(*first, 0.0), (*second, 5.0)]
    return Answer(
        MEETING,
        start,
        Analysis(
            10.0,
            tuple(Segment(speaker, at, at + 5.0, 0.9, 0.0) for speaker, _, at in spoken),
            tuple(
                Fingerprint(
                    speaker,
                    np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))], np.float32),
                    5.0 if at == 0 else speech_s, True, None, 1.0, 0.9,
                )
                for speaker, angle, at in spoken
            ),
        ),
    )  # fmt: skip


def test_voices_come_together_across_chunks() -> None:
    answers = [chunk(0.0, (0, 0), (1, 90)), chunk(10.0, (2, 10), (0, 80))]
    [found] = link(answers, 0.7, apart=False)
    assert (found.speakers, found.voices) == (2, 2)
    assert found.purity == found.time_purity == 1.0
    assert found.der == pytest.approx(0.0)


def test_one_voice_of_two_people_is_impure() -> None:
    answers = [chunk(0.0, (0, 0), (1, 20)), chunk(10.0, (2, 10), (0, 15))]
    [plain] = link(answers, 0.7, apart=False)
    assert plain.voices == 1
    assert plain.purity == plain.time_purity == pytest.approx(0.5)
    [apart] = link(answers, 0.7, apart=True)
    assert apart.voices == 2  # two speakers of one chunk are never one voice


def test_a_speaker_without_fingerprint_is_a_voice_to_the_error_rate_alone() -> None:
    bare = chunk(10.0, (2, 10), (0, 80))
    bare = Answer(MEETING, 10.0, Analysis(10.0, bare.analysis.segments, ()))
    [found] = link([chunk(0.0, (0, 0), (1, 90)), bare], 0.7, apart=False)
    assert found.voices == 2
    assert found.der == pytest.approx(0.5)


def test_what_has_no_voice_is_not_pure_either() -> None:
    answers = [chunk(0.0, (0, 0), (1, 90)), chunk(10.0, (2, 10), (0, 180), speech_s=1.0)]
    [plain], [apart] = (link(answers, 0.7, apart=each) for each in (False, True))
    assert (plain.voices, plain.purity) == (3, 1.0)
    assert apart.voices == 2
    assert apart.purity == pytest.approx(15 / 16)
    assert plain.der == apart.der == pytest.approx(0.25)  # a voice of its own, or none
