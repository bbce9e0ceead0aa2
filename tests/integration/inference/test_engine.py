"""The engine as the service sees it, with small models."""

import hashlib
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from consumer.errors import ExitCode, FatalError, PermanentError, Reason
from consumer.inference.batches import plan, split_when_full
from consumer.inference.checkpoints import Checkpoint
from consumer.inference.engine import SortformerEngine, create
from consumer.inference.options import EngineOptions
from consumer.inference.results import Analysis, Segment, Waveform
from consumer.inference.sortformer import Sortformer
from consumer.inference.titanet import TitaNet
from tests.integration.inference.architectures import speechlike

Build = Callable[[str], Checkpoint]


@pytest.fixture(scope="module")
def options(built: Build) -> EngineOptions:
    return EngineOptions(
        diarizer=str(built("small").path),
        embedder=str(built("small-titanet").path),
        device="cpu",
        threads=1,
    )


@pytest.fixture(scope="module")
def engine(options: EngineOptions) -> SortformerEngine:
    return create(options)


def alone(engine: SortformerEngine, waveform: Waveform) -> Analysis:
    (answer,) = engine.analyze([waveform])
    assert isinstance(answer, Analysis)
    return answer


def test_is_made_warm(options: EngineOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[tuple[str, int, float]] = []

    def watch(model: type[Sortformer] | type[TitaNet], method: str) -> None:
        run = getattr(model, method)

        def seen(self: object, waveforms: Sequence[Waveform]) -> object:
            seconds = sum(map(len, waveforms)) / 16000
            passes.append((model.__name__, len(waveforms), seconds))
            return run(self, waveforms)

        monkeypatch.setattr(model, method, seen)

    watch(Sortformer, "probabilities")
    watch(TitaNet, "embed")
    create(options)
    assert passes == [("Sortformer", 2, 60.0), ("TitaNet", 12, 36.0)]


def test_answers_are_whole_and_do_not_depend_on_mates(engine: SortformerEngine) -> None:
    chunks = [
        speechlike(20, seed=0, level=0.1),
        speechlike(31, seed=1, level=2.0),
        speechlike(9, seed=2, level=0.01),
    ]
    together = engine.analyze(chunks)
    for chunk, answer in zip(chunks, together, strict=True):
        single = alone(engine, chunk)
        assert isinstance(answer, Analysis)
        assert answer.duration_s == len(chunk) / 16000
        assert len(answer.segments) > 5
        assert len(answer.fingerprints) >= 2
        strip = [replace(s, confidence=None) for s in answer.segments]
        assert strip == [replace(s, confidence=None) for s in single.segments]
        for segment, other in zip(answer.segments, single.segments, strict=True):
            assert segment.confidence == pytest.approx(other.confidence, abs=1e-5)
            assert 0 <= segment.start_s < segment.end_s <= answer.duration_s
        told = {f.speaker for f in answer.fingerprints} | set(answer.speakers_without_fingerprint)
        assert told == set(answer.speakers_detected)
        for made, same in zip(answer.fingerprints, single.fingerprints, strict=True):
            assert np.linalg.norm(made.embedding) == pytest.approx(1, abs=1e-6)
            assert np.abs(made.embedding - same.embedding).max() <= 1e-5
            assert made.speech_s == same.speech_s >= 0.5


def test_bad_rows_fail_alone(engine: SortformerEngine) -> None:
    good = speechlike(5, seed=1)
    broken = speechlike(5, seed=2)
    broken[100] = np.inf
    empty, invalid, fine = engine.analyze([np.zeros(0, np.float32), broken, good])
    assert isinstance(empty, PermanentError)
    assert empty.reason is Reason.EMPTY_AUDIO
    assert isinstance(invalid, PermanentError)
    assert invalid.reason is Reason.INVALID_MODEL_OUTPUT
    assert isinstance(fine, Analysis)
    assert fine.segments == alone(engine, good).segments


def test_silence_and_one_sample_are_audio(engine: SortformerEngine) -> None:
    silence, sample = engine.analyze([np.zeros(16000, np.float32), np.ones(1, np.float32)])
    assert isinstance(silence, Analysis)
    assert isinstance(sample, Analysis)
    assert sample.duration_s == 1 / 16000
    assert all(segment.end_s <= 1 / 16000 for segment in sample.segments)


@pytest.mark.parametrize("seconds", [120, pytest.param(600, marks=pytest.mark.parts)])
def test_long_chunks(engine: SortformerEngine, seconds: int) -> None:
    answer = alone(engine, speechlike(seconds, seed=3))
    assert answer.segments[-1].end_s > seconds - 10
    assert len(answer.fingerprints) >= 2


def test_batches_with_nothing_in_them(engine: SortformerEngine) -> None:
    assert engine.analyze([]) == []
    (answer,) = engine.analyze([np.zeros(0, np.float32)])
    assert isinstance(answer, PermanentError)


def test_a_device_that_is_full_gets_less_at_once(
    engine: SortformerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = engine._diarizer.probabilities
    sizes = []

    def small_device(waveforms: Sequence[Waveform]) -> list[Waveform]:
        sizes.append(len(waveforms))
        if sum(map(len, waveforms)) > 12 * 16000:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return run(waveforms)

    monkeypatch.setattr(engine._diarizer, "probabilities", small_device)
    chunks = [speechlike(5, seed=seed) for seed in range(3)] + [speechlike(13, seed=9)]
    *short, long = engine.analyze(chunks)
    assert sizes == [1, 3, 1, 2]  # the longest first: refused, and the others taken in two parts
    assert isinstance(long, PermanentError)
    assert long.reason is Reason.TOO_LONG_FOR_DEVICE
    assert all(isinstance(answer, Analysis) for answer in short)


def test_the_allocator_of_the_cpu_is_understood_and_other_faults_are_not_hidden() -> None:
    def greedy(items: Sequence[int]) -> list[int]:
        torch.empty(1 << 60)
        return list(items)

    assert split_when_full(greedy, [1, 2]) == [None, None]

    def faulty(items: Sequence[int]) -> list[int]:
        raise RuntimeError("device-side assert triggered")

    with pytest.raises(RuntimeError, match="device-side"):
        split_when_full(faulty, [1])


def test_a_batch_is_bounded_with_its_padding() -> None:
    lengths = [3, 30, 10, 10, 45, 1]
    assert plan(lengths, 39, padded=True) == [[4], [1], [2, 3, 0], [5]]
    assert plan(lengths, 39, padded=False) == [[4], [1], [2, 3], [0], [5]]
    assert plan([10] * 5, 39, padded=False) == [[0, 1, 2], [3, 4]]


def spans(answer: Analysis) -> list[Segment]:
    return [replace(segment, confidence=None) for segment in answer.segments]


def test_in_bf16_mates_move_nothing_on_a_cpu(options: EngineOptions) -> None:
    low = create(replace(options, precision="bf16"))
    chunks = [speechlike(seconds, seed=seed) for seed, seconds in enumerate((20, 9, 20, 31, 9))]
    for chunk, answer in zip(chunks, low.analyze(chunks), strict=True):
        single = alone(low, chunk)
        assert isinstance(answer, Analysis)
        # The head runs in fp32, whose products round by how many rows they have on some processors.
        assert [s.confidence for s in answer.segments] == pytest.approx(
            [s.confidence for s in single.segments], abs=1e-6
        )
        assert spans(answer) == spans(single)
        assert len(answer.fingerprints) == len(single.fingerprints) >= 1
        for made, same in zip(answer.fingerprints, single.fingerprints, strict=True):
            assert made.embedding @ same.embedding >= 1 - 1e-6
    low.close()


def test_models_say_what_spoke(
    options: EngineOptions, engine: SortformerEngine, tmp_path: Path
) -> None:
    models = engine.models
    content = Path(options.diarizer).read_bytes()
    assert models.diarization_sha256 == hashlib.sha256(content).hexdigest()
    assert (models.diarization, models.embedding) == ("small", "small-titanet")
    assert (models.same_voice_cosine, models.uncertain_confidence) == (None, None)
    post = tmp_path / "post.yaml"
    post.write_text("parameters: {onset: 0.7, min_duration_on: 0.5}")
    other = create(replace(options, postprocessing=post))
    assert other.models.postprocessing_sha256 != models.postprocessing_sha256
    low = create(replace(options, precision="bf16"))
    assert low.models.postprocessing_sha256 != models.postprocessing_sha256
    chunk = speechlike(20, seed=1)
    assert len(alone(other, chunk).segments) < len(alone(engine, chunk).segments)
    other.close()


def test_the_wrong_kind_of_checkpoint_is_named(options: EngineOptions, tmp_path: Path) -> None:
    swapped = replace(options, diarizer=options.embedder, embedder=options.diarizer)
    with pytest.raises(FatalError, match="SortformerEncLabelModel") as caught:
        create(swapped)
    assert caught.value.code is ExitCode.CHECKPOINT
    damaged = tmp_path / "damaged.nemo"
    damaged.write_bytes(Path(options.diarizer).read_bytes()[:5000])
    with pytest.raises(FatalError, match="cannot be restored"):
        create(replace(options, diarizer=str(damaged)))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_named(options: EngineOptions) -> None:
    with pytest.raises(FatalError, match="no CUDA device") as caught:
        create(replace(options, device="cuda"))
    assert caught.value.code is ExitCode.SETTINGS


def test_nemo_speaks_to_the_log_only(options: EngineOptions, tmp_path: Path) -> None:
    """In a process of its own, where NeMo is imported for the first time."""
    log = tmp_path / "log"
    script = (
        "import logging, numpy as np\n"
        f"logging.basicConfig(level=logging.DEBUG, filename={str(log)!r})\n"
        "from consumer.inference.engine import create\n"
        "from consumer.inference.options import EngineOptions\n"
        f"e = create(EngineOptions({options.diarizer!r}, {options.embedder!r}, threads=1))\n"
        "e.analyze([np.ones(16000, np.float32)])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
    lines = log.read_text().splitlines()
    assert any(line.startswith("DEBUG:nemo:nemo_logger: Model") for line in lines)
    assert [line for line in lines if line.startswith("INFO:")] == []


@pytest.mark.parts
@pytest.mark.timeout(900)
@pytest.mark.parametrize("diarizer", ["v1", "v2"])
def test_the_published_sizes_answer(built: Build, diarizer: str) -> None:
    engine = create(
        EngineOptions(
            str(built(diarizer).path), str(built("titanet").path), device="cpu", threads=1
        )
    )
    chunk = speechlike(20, seed=1)
    first, second = engine.analyze([chunk, speechlike(27, seed=2, level=1.0)])
    assert isinstance(first, Analysis)
    assert isinstance(second, Analysis)
    assert first.segments
    assert all(f.embedding.shape == (192,) for f in first.fingerprints)
    assert [replace(s, confidence=None) for s in first.segments] == [
        replace(s, confidence=None) for s in alone(engine, chunk).segments
    ]
