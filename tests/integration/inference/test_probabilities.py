"""The diarizer against NeMo's own `diarize()`, in fp32 on the CPU, and alone against in batches."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from consumer.audio.decode import decode
from consumer.errors import ExitCode, FatalError
from consumer.inference.checkpoints import Checkpoint
from consumer.inference.options import StreamingCache
from consumer.inference.postprocessing import PostProcessing
from consumer.inference.restore import restore
from consumer.inference.segments import nemo_lines
from consumer.inference.sortformer import Sortformer
from tests.integration.inference.architectures import speechlike
from tests.integration.inference.conftest import nemo_probabilities

Probabilities = NDArray[np.float32]

TOLERANCE = 1e-5
QUIET = speechlike(6.3, seed=2, level=0.005)
LOUD = speechlike(6.3, seed=3, level=2.0)
LEAST = QUIET[:320]  # two feature frames
LONGER = speechlike(11.17, seed=4)
SPEECH = decode(Path("producer_tools/sample/meeting.ogg").read_bytes())[: 41 * 16000]
# Longer than one step of the streaming kind, as is the next.
LONGEST = speechlike(41.0, seed=5)


@dataclass(frozen=True)
class Pair:
    """The same checkpoint in this project's hands and in NeMo's."""

    checkpoint: Checkpoint
    ours: Sortformer
    nemo: Any


@pytest.fixture(
    scope="module",
    params=[
        "compact",
        "small",
        "small-streaming",
        pytest.param("v1", marks=pytest.mark.parts),
        pytest.param("v2", marks=pytest.mark.parts),
    ],
)
def pair(request: pytest.FixtureRequest, built: Callable[[str], Checkpoint]) -> Pair:
    checkpoint = built(request.param)
    nemo = restore(checkpoint.path, "SortformerEncLabelModel", "cpu")
    if nemo.streaming_mode:
        for name, value in asdict(StreamingCache()).items():
            setattr(nemo.sortformer_modules, name, value)
    ours = Sortformer(checkpoint, "cpu", bf16=False, cache=StreamingCache())
    return Pair(checkpoint, ours, nemo)


def only(sortformer: Sortformer, waveform: NDArray[np.float32]) -> Probabilities:
    (row,) = sortformer.probabilities([waveform])
    return row


def distance(left: Probabilities, right: Probabilities) -> float:
    assert left.shape == right.shape
    return float(np.abs(left - right).max())


@pytest.mark.parametrize("waveform", [SPEECH, QUIET, LOUD, LONGEST, LEAST, QUIET[:1281]])
def test_a_chunk_alone_equals_nemo(pair: Pair, waveform: NDArray[np.float32]) -> None:
    if waveform is LEAST and pair.nemo.cfg.encoder.get("reduction"):
        with pytest.raises(RuntimeError, match="output size"):
            nemo_probabilities(pair.nemo, waveform)
        return  # NeMo itself needs a whole frame; that the service does not, is tested below
    ours, theirs = only(pair.ours, waveform), nemo_probabilities(pair.nemo, waveform)
    assert ours.dtype == np.float32
    assert distance(ours, theirs) <= TOLERANCE
    if waveform is SPEECH:  # else the test could pass on a constant
        assert theirs.std(axis=0).max() > 0.1
        assert len(nemo_lines(theirs, pair.ours.units, PostProcessing())) > 10


def test_mates_do_not_move_a_chunk(pair: Pair) -> None:
    chunks = [QUIET, LOUD, SPEECH, LONGER, QUIET[:100]]
    alone = [only(pair.ours, chunk) for chunk in chunks]
    together = pair.ours.probabilities(chunks)
    assert max(map(distance, alone, together)) <= TOLERANCE
    backwards = pair.ours.probabilities(chunks[::-1])[::-1]
    assert max(map(distance, alone, backwards)) <= TOLERANCE


def test_nemo_itself_lets_a_loud_mate_move_a_quiet_chunk(pair: Pair) -> None:
    """Why `diarize()` is not used. If this fails NeMo has changed, and the reason may be gone."""
    if pair.ours.streaming:
        pytest.skip("the streaming kind is not scaled")
    _, tensors = pair.nemo.diarize(
        [QUIET, LOUD], sample_rate=16000, batch_size=2, include_tensor_outputs=True, verbose=False
    )
    assert distance(tensors[0][0].numpy(), nemo_probabilities(pair.nemo, QUIET)) > 1e-4


@pytest.mark.parametrize("samples", [1, 100, 159, 160, 319, 320, 1279, 1281])
def test_audio_of_any_length_gives_its_frames(pair: Pair, samples: int) -> None:
    row = only(pair.ours, QUIET[:samples])
    assert row.shape == (1, 4)  # the encoder rounds 8 feature frames of 10 ms up
    assert np.isfinite(row).all()


def test_silence_and_a_constant_are_audio(pair: Pair) -> None:
    for value in (0.0, -0.001):  # minus NeMo's eps, which the scale would divide by
        assert np.isfinite(only(pair.ours, np.full(16000, value, np.float32))).all()


def test_what_is_no_number_stays_in_its_row(pair: Pair) -> None:
    broken = LONGER.copy()
    broken[5000] = np.nan
    rows = pair.ours.probabilities([QUIET, broken])
    assert np.isnan(rows[1]).any()
    assert distance(rows[0], only(pair.ours, QUIET)) <= TOLERANCE


def test_reduced_precision_stays_near(pair: Pair) -> None:
    exact = only(pair.ours, SPEECH)
    low = Sortformer(pair.checkpoint, "cpu", bf16=True, cache=StreamingCache())
    rounded = only(low, SPEECH)
    assert 0 < distance(exact, rounded) < 0.2  # seen: 0.04 trained, 0.12 with random weights
    assert np.abs(exact - rounded).mean() < 0.03


def test_the_streaming_cache_is_the_one_asked_for(built: Callable[[str], Checkpoint]) -> None:
    checkpoint = built("small-streaming")
    short = StreamingCache(
        chunk_len=60,
        chunk_right_context=5,
        fifo_len=30,
        spkcache_update_period=60,
        spkcache_len=40,
    )
    nemo = restore(checkpoint.path, "SortformerEncLabelModel", "cpu")
    for name, value in asdict(short).items():
        setattr(nemo.sortformer_modules, name, value)
    ours = only(Sortformer(checkpoint, "cpu", bf16=False, cache=short), LONGEST)
    assert distance(ours, nemo_probabilities(nemo, LONGEST)) <= TOLERANCE
    default = Sortformer(checkpoint, "cpu", bf16=False, cache=StreamingCache())
    assert distance(ours, only(default, LONGEST)) > 1e-3


def test_a_cache_the_model_refuses_is_named(built: Callable[[str], Checkpoint]) -> None:
    with pytest.raises(FatalError, match="spkcache_len") as caught:
        Sortformer(
            built("small-streaming"), "cpu", bf16=False, cache=StreamingCache(spkcache_len=3)
        )
    assert caught.value.code is ExitCode.SETTINGS
