"""A batch of waveforms -> segments and fingerprints, by Sortformer and TitaNet."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from consumer.errors import ExitCode, FatalError, PermanentError, Reason
from consumer.inference.batches import plan, split_when_full
from consumer.inference.checkpoints import resolve
from consumer.inference.fingerprints import WINDOW_S, Speech, collect, combine
from consumer.inference.intervals import UNIT_S
from consumer.inference.options import EngineOptions
from consumer.inference.postprocessing import PostProcessing
from consumer.inference.precision import native_bf16
from consumer.inference.results import SAMPLE_RATE, Analysis, Models, Segment, Waveform
from consumer.inference.segments import Probabilities, segments
from consumer.inference.sortformer import Sortformer
from consumer.inference.titanet import TitaNet

# Samples in one pass of the embedder on a GPU: it needs some 10 MB per window of 3 s.
_EMBEDDED_AT_ONCE = 120 * SAMPLE_RATE
# A CPU gains nothing from rows side by side, and loses once they leave its caches. So it pads none:
# rows of equal length do not move each other in bf16 either.
_AT_ONCE_ON_CPU = 60 * SAMPLE_RATE
_EMBEDDED_AT_ONCE_ON_CPU = 36 * SAMPLE_RATE
_WARM_UP_S = 30  # a usual chunk


class SortformerEngine:
    """Implements `results.Engine` with the two NeMo models."""

    def __init__(self, options: EngineOptions) -> None:
        """Restore both checkpoints; `FatalError` says what to change when that cannot be."""
        diarizer = resolve(options.diarizer, "diarizer")
        embedder = resolve(options.embedder, "embedder")
        device = _device(options)
        bf16 = _bf16(options, device)
        _set_up_torch(options, device)
        self._diarizer = Sortformer(diarizer, device, bf16=bf16, cache=options.streaming)
        self._embedder = TitaNet(embedder, device, bf16=bf16)
        if options.postprocessing is not None:
            self._post = PostProcessing.from_yaml(options.postprocessing)
        else:
            self._post = diarizer.card.postprocessing or PostProcessing()
        self._limit = options.max_batch_audio_s * SAMPLE_RATE
        self._embedded_at_once = _EMBEDDED_AT_ONCE
        self._padded = device != "cpu"
        if device == "cpu":
            self._limit = min(self._limit, _AT_ONCE_ON_CPU)
            self._embedded_at_once = _EMBEDDED_AT_ONCE_ON_CPU
        asked = {
            "postprocessing": asdict(self._post),
            "precision": "bf16" if bf16 else "fp32",
            "streaming": asdict(options.streaming) if self._diarizer.streaming else None,
        }
        self._models = Models(
            diarization=diarizer.card.name,
            embedding=embedder.card.name,
            diarization_sha256=diarizer.sha256,
            embedding_sha256=embedder.sha256,
            same_voice_cosine=embedder.card.same_voice_cosine,
            uncertain_confidence=diarizer.card.uncertain_confidence,
            postprocessing_sha256=hashlib.sha256(
                json.dumps(asked, sort_keys=True).encode()
            ).hexdigest(),
        )

    @property
    def models(self) -> Models:
        """The checkpoints in use."""
        return self._models

    def analyze(self, waveforms: Sequence[Waveform]) -> Sequence[Analysis | PermanentError]:
        """One answer per waveform, in order; see `results.Engine`."""
        chunks = self._diarize(waveforms)
        speech = [s for chunk in chunks if isinstance(chunk, _Diarized) for s in chunk.speech]
        embeddings = iter(self.embed([window for s in speech for window in s.windows]))
        return [
            chunk if isinstance(chunk, PermanentError) else chunk.finish(embeddings)
            for chunk in chunks
        ]

    def warm_up(self) -> None:
        """Run both models on passes of the size to come.

        Kernels are chosen and memory is taken now, not while the first chunks wait.
        """
        chunk = np.zeros(_WARM_UP_S * SAMPLE_RATE, np.float32)
        window = chunk[: round(WINDOW_S * SAMPLE_RATE)]
        chunks = [chunk] * max(1, int(self._limit // len(chunk)))
        split_when_full(self._diarizer.probabilities, chunks)
        self.embed([window] * max(1, int(self._embedded_at_once // len(window))))

    def close(self) -> None:
        """Free the device; the engine cannot be used any more."""
        del self._diarizer, self._embedder
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _diarize(self, waveforms: Sequence[Waveform]) -> list["_Diarized | PermanentError"]:
        empty = PermanentError(Reason.EMPTY_AUDIO, "the chunk has no samples")
        answers: list[_Diarized | PermanentError] = [empty] * len(waveforms)
        filled = [position for position, waveform in enumerate(waveforms) if len(waveform)]
        lengths = [len(waveforms[position]) for position in filled]
        for group in plan(lengths, self._limit, padded=self._padded):
            positions = [filled[index] for index in group]
            rows = split_when_full(
                self._diarizer.probabilities, [waveforms[position] for position in positions]
            )
            for position, row in zip(positions, rows, strict=True):
                answers[position] = self._interpret(waveforms[position], row)
        return answers

    def _interpret(
        self, waveform: Waveform, row: Probabilities | None
    ) -> "_Diarized | PermanentError":
        duration = len(waveform) / SAMPLE_RATE
        if row is None:
            return PermanentError(
                Reason.TOO_LONG_FOR_DEVICE,
                f"{duration:.1f} s of audio do not fit into the device's memory, even alone",
            )
        if not np.isfinite(row).all():
            return PermanentError(
                Reason.INVALID_MODEL_OUTPUT, "the diarizer gave probabilities that are no numbers"
            )
        units = self._diarizer.units
        found = segments(row, units, self._post, duration)
        speech = collect(waveform, row, found, self._post.onset, units * UNIT_S)
        return _Diarized(duration, found, speech)

    def embed(self, windows: list[Waveform]) -> list[NDArray[np.float32]]:
        """One raw embedding per window of one speaker's speech, in order: shape (dimensions,)."""
        embeddings: dict[int, NDArray[np.float32]] = {}
        lengths = [len(window) for window in windows]
        for group in plan(lengths, self._embedded_at_once, padded=self._padded):
            rows = split_when_full(self._embedder.embed, [windows[index] for index in group])
            for index, row in zip(group, rows, strict=True):
                if row is None:
                    raise FatalError(
                        ExitCode.INTERNAL,
                        "the device has no memory left for six seconds of audio: lower "
                        "max_batch_audio_s, or give the service a device of its own",
                    )
                embeddings[index] = row
        return [embeddings[index] for index in range(len(windows))]


@dataclass(frozen=True, slots=True)
class _Diarized:
    """A chunk between the two models."""

    duration_s: float
    segments: tuple[Segment, ...]
    speech: list[Speech]

    def finish(self, embeddings: Iterator[NDArray[np.float32]]) -> Analysis:
        """Take this chunk's windows from `embeddings` and put the answer together."""
        combined = [
            combine(speech, np.stack([next(embeddings) for _ in speech.windows]))
            for speech in self.speech
        ]
        fingerprints = tuple(fingerprint for fingerprint in combined if fingerprint is not None)
        with_one = {fingerprint.speaker for fingerprint in fingerprints}
        return Analysis(
            duration_s=self.duration_s,
            segments=self.segments,
            fingerprints=fingerprints,
            speakers_without_fingerprint=tuple(
                sorted({segment.speaker for segment in self.segments} - with_one)
            ),
        )


def create(options: EngineOptions) -> SortformerEngine:
    """The service's engine, warm; who has one recording to diarize makes a SortformerEngine."""
    engine = SortformerEngine(options)
    engine.warm_up()
    return engine


def _device(options: EngineOptions) -> str:
    if options.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if options.device == "cuda" and not torch.cuda.is_available():
        raise FatalError(
            ExitCode.SETTINGS,
            "device=cuda, but torch sees no CUDA device here: install a driver and a torch built "
            "for it, or set device=cpu",
        )
    return options.device


def _bf16(options: EngineOptions, device: str) -> bool:
    if options.precision != "auto":
        return options.precision == "bf16"
    return native_bf16(device)


def _set_up_torch(options: EngineOptions, device: str) -> None:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(options.threads or max(1, (usable or 1) // 2))
    if device == "cuda":
        # TF32 would keep ten bits of what the settings call fp32.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
