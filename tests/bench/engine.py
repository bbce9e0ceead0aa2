"""The engine against the reference handler, its accuracy, its cost by length, two processes."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from torch.profiler import ProfilerActivity, profile

from consumer.inference import checkpoints
from consumer.inference.engine import SortformerEngine, create
from consumer.inference.options import EngineOptions, Precision
from consumer.inference.results import SAMPLE_RATE, Analysis, Waveform
from tests.bench.apart import apart
from tests.bench.handler import Handler
from tests.bench.measure import Say, interleaved, ratio
from tests.bench.meetings import full_size, meeting
from tests.bench.sample import sample_chunks, sample_error

CHUNK_S = 60.0
LENGTHS_S = (15, 30, 60, 120, 300, 600)
_CHUNKS = 2  # in each run
_MOST_SCALING_ROUNDS = 3  # each starts three processes, which costs more than what they measure
_POSTPROCESSING = Path("build/bench/postprocessing.yaml")  # the checkpoint's own, in NeMo's layout


@dataclass(frozen=True, slots=True)
class Pair:
    """A diarizer, an embedder, and chunks to give them."""

    diarizer: str
    embedder: str
    chunks: list[Waveform]

    def engine(self, precision: Precision) -> SortformerEngine:
        """Our engine on one thread."""
        return create(
            EngineOptions(
                self.diarizer, self.embedder, device="cpu", precision=precision, threads=1
            )
        )

    def handler(self) -> Handler:
        """The reference, with the same files."""
        found = checkpoints.resolve(self.diarizer, "diarizer")
        embedder = checkpoints.resolve(self.embedder, "embedder").path
        if found.card.postprocessing is None:
            return Handler(found.path, embedder, None)
        _POSTPROCESSING.parent.mkdir(parents=True, exist_ok=True)
        content = {"parameters": asdict(found.card.postprocessing)}
        _POSTPROCESSING.write_text(yaml.safe_dump(content))
        return Handler(found.path, embedder, _POSTPROCESSING)


def full(folder: Path) -> Pair:
    """The published sizes."""
    diarizer, embedder = full_size(folder)
    chunks = [meeting(CHUNK_S, seed=100 + n).waveform for n in range(_CHUNKS)]
    return Pair(str(diarizer), str(embedder), chunks)


def compact() -> Pair:
    """The pair that ships."""
    return Pair("compact", "compact", sample_chunks(CHUNK_S)[:_CHUNKS])


def against_reference(pair: Pair, rounds: int, say: Say) -> dict[str, Any]:
    """Ours against the reference handler, chunk by chunk the same audio; `ratio` is the speed-up.

    Also says what was found in the chunks, and how far the answers are apart.
    """
    with (
        apart(partial(_handling, pair)) as handling,
        apart(partial(_analysing, pair, "auto")) as quick,
        apart(partial(_analysing, pair, "fp32")) as slow,
    ):
        variants = {"reference handler": handling, "engine, auto": quick, "engine, fp32": slow}
        timings = interleaved(variants, rounds, say)
    handler, fast, exact = pair.handler(), pair.engine("auto"), pair.engine("fp32")
    answers = [_known(answer) for answer in exact.analyze(pair.chunks)]
    reference = [handler(chunk) for chunk in pair.chunks]
    return {
        **ratio(timings["reference handler"], timings["engine, auto"]),
        "fp32": ratio(timings["reference handler"], timings["engine, fp32"]),
        "seconds_per_run": {name: timing.summary() for name, timing in timings.items()},
        "chunks": len(pair.chunks),
        "segments_per_chunk": statistics.mean(len(a.segments) for a in answers),
        "fingerprints_per_chunk": statistics.mean(len(a.fingerprints) for a in answers),
        "same_segments_as_reference_in_fp32": all(
            len(answer.segments) == len(theirs["segments"])
            for answer, theirs in zip(answers, reference, strict=True)
        ),
        "x_real_time": len(pair.chunks) * CHUNK_S / timings["engine, auto"].median_s,
        "accuracy": _accuracy(fast, answers, pair.chunks),
    }


def _handling(pair: Pair) -> Callable[[], object]:
    handler = pair.handler()
    return lambda: [handler(chunk) for chunk in pair.chunks]


def _analysing(pair: Pair, precision: Precision) -> Callable[[], object]:
    engine = pair.engine(precision)
    return lambda: engine.analyze(pair.chunks)


def _accuracy(fast: SortformerEngine, exact: list[Analysis], chunks: list[Waveform]) -> Any:
    """What `auto` moves: fingerprints against fp32, and segments by batch mates."""
    quick = [_known(answer) for answer in fast.analyze(chunks)]
    cosines = [
        float(mine.embedding @ theirs.embedding)
        for answer, truth in zip(quick, exact, strict=True)
        for mine in answer.fingerprints
        for theirs in truth.fingerprints
        if mine.speaker == theirs.speaker
    ]
    pieces = [chunk[: s * SAMPLE_RATE] for chunk in chunks for s in (11, 13, 17, 19)]
    together = [_spans(_known(answer)) for answer in fast.analyze(pieces)]
    alone = [_spans(_known(fast.analyze([piece])[0])) for piece in pieces]
    moved = sum(len(a ^ b) for a, b in zip(together, alone, strict=True))
    return {
        "least_cosine_to_fp32": min(cosines, default=None),
        "segments_changed_by_precision": sum(
            len(_spans(a) ^ _spans(b)) for a, b in zip(quick, exact, strict=True)
        ),
        "segments_compared": sum(len(a.segments) for a in exact),
        "segments_flipped_by_batch_mates": moved / max(1, sum(map(len, alone)) * 2),
    }


def accuracy_on_sample(say: Say) -> dict[str, Any]:
    """The compact pair on the sample meeting in chunks of 20 s: error in fp32 and in `auto`."""
    pair, chunks = compact(), sample_chunks(20.0)
    errors: dict[Precision, float] = {}
    precisions: tuple[Precision, ...] = ("fp32", "auto")
    for precision in precisions:
        answers = [_known(answer) for answer in pair.engine(precision).analyze(chunks)]
        errors[precision] = sample_error(answers)
        say(f"{precision}: error {errors[precision]:.2%}")
    return {"der": errors, "points_apart": 100 * abs(errors["auto"] - errors["fp32"])}


def _spans(answer: Analysis) -> set[tuple[int, float, float]]:
    return {(s.speaker, s.start_s, s.end_s) for s in answer.segments}


def _known(answer: object) -> Analysis:
    assert isinstance(answer, Analysis)
    return answer


def cost_by_length(pair: Pair, say: Say) -> dict[str, Any]:
    """Seconds of work per second of audio by length of the chunk, and attention's share of it."""
    engine = pair.engine("auto")
    costs = {}
    for length in LENGTHS_S:
        waveform = meeting(float(length), seed=7).waveform
        engine.analyze([waveform[: 15 * SAMPLE_RATE]])
        taken = []
        for _ in range(3 if length < 200 else 1):
            began = time.process_time()
            engine.analyze([waveform])
            taken.append(time.process_time() - began)
        costs[str(length)] = {
            "cost": min(taken) / length,
            "attention": _attention(engine, waveform),
        }
        say(f"{length} s: {costs[str(length)]['cost']:.4f} s of work per second of audio")
    return {"lengths_s": costs}


def _attention(engine: SortformerEngine, waveform: Waveform) -> float:
    """Share of the time in products of two activations, their softmax and their masks."""
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        engine.analyze([waveform])
    own = {event.key: event.self_cpu_time_total for event in seen.key_averages()}
    names = ("bmm", "_softmax", "masked_fill", "scaled_dot_product", "flash_attention", "baddbmm")
    spent = sum(us for key, us in own.items() if any(name in key for name in names))
    return float(spent / sum(own.values()))


def scaling(rounds: int, say: Say) -> dict[str, Any]:
    """Throughput of two processes with one thread each against one alone."""
    alone, both = [], []
    for _ in range(min(rounds, _MOST_SCALING_ROUNDS)):
        alone += _throughputs(1)
        both.append(sum(_throughputs(2)))
        say(f"one {alone[-1]:.1f}x, two {both[-1]:.1f}x real time")
    return {
        "ratio": statistics.median(both) / statistics.median(alone),
        "one": statistics.median(alone),
        "two": statistics.median(both),
    }


def _throughputs(processes: int) -> list[float]:
    """Times real time of each of so many processes, running at the same time."""
    command = [sys.executable, "-m", "tests.bench.worker"]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [float(process.communicate()[0]) for process in running]
