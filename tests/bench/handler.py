"""The reference: what an HTTP handler does with one uploaded chunk, in NeMo's own calls.

Nothing slows it down on purpose. Both models are loaded and warm, on as many threads as ours.
"""

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from consumer.inference.restore import restore
from consumer.inference.results import SAMPLE_RATE, Waveform


class Handler:
    """`POST /v1/audio/diarize-chunk`: NeMo's `diarize` on a temporary file, TitaNet per speaker."""

    def __init__(self, diarizer: Path, embedder: Path, postprocessing: Path | None) -> None:
        self._diarizer: Any = restore(diarizer, "SortformerEncLabelModel", "cpu")
        self._embedder: Any = restore(embedder, "EncDecSpeakerLabelModel", "cpu")
        self._postprocessing = None if postprocessing is None else str(postprocessing)

    def __call__(self, waveform: Waveform) -> dict[str, Any]:
        """The endpoint's answer: segments with confidence, and a fingerprint per speaker."""
        with tempfile.NamedTemporaryFile(suffix=".wav") as file, torch.inference_mode():
            soundfile.write(file.name, waveform, SAMPLE_RATE, subtype="FLOAT")
            lines, tensors = self._diarizer.diarize(
                [file.name],
                batch_size=1,
                include_tensor_outputs=True,
                postprocessing_yaml=self._postprocessing,
                verbose=False,
            )
            probabilities = tensors[0].squeeze(0).numpy()
            duration = len(waveform) / SAMPLE_RATE
            segments = [_segment(line, probabilities, duration) for line in lines[0]]
            speakers = sorted({segment["speaker"] for segment in segments})
            fingerprints = {
                speaker: self._fingerprint(_alone(waveform, segments, speaker))
                for speaker in speakers
            }
        return {"duration": duration, "segments": segments, "fingerprints": fingerprints}

    def _fingerprint(self, speech: Waveform) -> list[float] | None:
        if len(speech) < SAMPLE_RATE // 2:
            return None
        embedding, _ = self._embedder.infer_segment(speech)
        voice = embedding[0].numpy()
        found: list[float] = (voice / np.linalg.norm(voice)).tolist()
        return found


def _segment(line: str, probabilities: Any, duration: float) -> dict[str, Any]:
    start, end, speaker = line.split()
    fps = len(probabilities) / duration
    first = int(float(start) * fps)
    last = max(first + 1, int(np.ceil(float(end) * fps)))
    column = probabilities[first:last, int(speaker.removeprefix("speaker_"))]
    return {
        "start_s": float(start),
        "end_s": min(float(end), duration),
        "speaker": speaker,
        "confidence": float(column.mean()),
    }


def _alone(waveform: Waveform, segments: list[dict[str, Any]], speaker: str) -> Waveform:
    """The samples where this speaker has a segment and nobody else does."""
    edges = sorted({segment[edge] for segment in segments for edge in ("start_s", "end_s")})
    pieces = []
    for start, end in pairwise(edges):
        active = {s["speaker"] for s in segments if s["start_s"] <= start and s["end_s"] >= end}
        if active == {speaker}:
            pieces.append(waveform[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)])
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
