import itertools

import numpy as np
import pytest

from consumer.errors import PermanentError, Reason
from consumer.inference.options import EngineOptions
from consumer.inference.results import Analysis, Engine, Waveform
from consumer.inference.stand_in import create


@pytest.fixture
def engine() -> Engine:
    return create(EngineOptions(diarizer="", embedder=""))


def noise(seconds: float, seed: int) -> Waveform:
    return np.random.default_rng(seed).normal(size=round(seconds * 16000)).astype(np.float32)


def only(engine: Engine, waveform: Waveform) -> Analysis:
    (answer,) = engine.analyze([waveform])
    assert isinstance(answer, Analysis)
    return answer


def test_the_answer_is_a_function_of_the_samples(engine: Engine) -> None:
    first, second = noise(30, 1), noise(30, 2)
    again = engine.analyze([second, first.copy()])
    assert repr(only(engine, first)) == repr(again[1])
    changed = first.copy()
    changed[100] += 1e-3
    assert only(engine, changed).segments != only(engine, first).segments


def test_answers_keep_what_is_promised_of_segments_and_fingerprints(engine: Engine) -> None:
    speakers = set()
    for seed in range(40):
        answer = only(engine, noise(0.4 if seed == 0 else 20, seed))
        speakers.add(len(answer.speakers_detected))
        starts = [(segment.start_s, segment.speaker) for segment in answer.segments]
        assert starts == sorted(starts)
        for segment in answer.segments:
            assert 0 <= segment.start_s < segment.end_s <= answer.duration_s
            assert segment.confidence is not None
            assert 0 <= segment.confidence <= 1
            assert 0 <= segment.overlap_ratio <= 1
        for speaker in answer.speakers_detected:
            own = sorted((s.start_s, s.end_s) for s in answer.segments if s.speaker == speaker)
            assert all(a[1] < b[0] for a, b in itertools.pairwise(own))
        for fingerprint in answer.fingerprints:
            assert fingerprint.embedding.shape == (192,)
            assert np.linalg.norm(fingerprint.embedding) == pytest.approx(1, abs=1e-5)
            assert fingerprint.speech_s >= 0.5
        told = {f.speaker for f in answer.fingerprints} | set(answer.speakers_without_fingerprint)
        assert told == set(answer.speakers_detected)
    assert speakers == {1, 2, 3, 4}


def test_silence_has_no_segments(engine: Engine) -> None:
    answer = only(engine, np.zeros(16000, np.float32))
    assert (answer.duration_s, answer.segments, answer.fingerprints) == (1.0, (), ())


def test_no_samples_are_refused(engine: Engine) -> None:
    (answer,) = engine.analyze([np.zeros(0, np.float32)])
    assert isinstance(answer, PermanentError)
    assert answer.reason is Reason.EMPTY_AUDIO
