"""The whole service, Kafka to Kafka, against its engine on the same chunks in memory."""

import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import torch

from consumer.inference.results import SAMPLE_RATE, Waveform
from deploy.kafka import KafkaCluster
from tests.audio_samples import sound
from tests.bench import engine, kafka
from tests.bench.measure import Say
from tests.bench.sample import sample_meeting
from tests.service.installation import Installation
from tests.service.process import ServiceProcess

_CHUNKS = 520
_CHUNK_S = 30
_AT_ONCE = 8  # chunks in a call of the engine alone


def against_engine(_rounds: int, say: Say) -> dict[str, Any]:
    """Half of the chunks by the engine, all by the service, the other half by the engine."""
    torch.set_num_threads(1)
    brain = engine.compact().engine("fp32")
    with KafkaCluster() as cluster, tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        say(f"writing {_CHUNKS} chunks of {_CHUNK_S} s")
        chunks = _chunks()
        name = f"service-{uuid.uuid4().hex[:8]}"
        made = kafka.installation(cluster.bootstrap, name, folder)
        made.publish(*(_event(made, number, waveform) for number, waveform in enumerate(chunks)))
        brain.analyze(chunks[:2])
        half = len(chunks) // 2
        first = _alone(brain, chunks[:half])
        say(f"engine alone: {first:.2f} chunks/s")
        service, peak = _service(made)
        say(f"service: {service:.2f} chunks/s, at most {peak / 1e6:.0f} MB")
        second = _alone(brain, chunks[half:])
        say(f"engine alone: {second:.2f} chunks/s")
    alone = len(chunks) / (half / first + (len(chunks) - half) / second)
    return {
        "ratio": service / alone,
        "service_chunks_per_s": service,
        "engine_chunks_per_s": alone,
        "engine_halves": [first, second],
        "service_peak_bytes": peak,
        "chunks": len(chunks),
        "chunk_s": _CHUNK_S,
    }


def _chunks() -> list[Waveform]:
    """Stretches of the sample meeting, each beginning elsewhere."""
    meeting = sample_meeting()
    width = _CHUNK_S * SAMPLE_RATE
    starts = np.linspace(0, len(meeting) - width, _CHUNKS).astype(int)
    return [np.ascontiguousarray(meeting[start : start + width]) for start in starts]


def _event(made: Installation, number: int, waveform: Waveform) -> Any:
    data = sound(waveform, kind="FLAC")
    return kafka.event(number, made.store(f"{number}.flac", data), len(data))


def _alone(brain: Any, chunks: list[Waveform]) -> float:
    began = time.perf_counter()
    for start in range(0, len(chunks), _AT_ONCE):
        brain.analyze(chunks[start : start + _AT_ONCE])
    return len(chunks) / (time.perf_counter() - began)


def _service(made: Installation) -> tuple[float, int]:
    """Chunks a second, and peak resident memory without that of the decoder processes."""
    settings = {
        **made.environment,
        "SPEAKERSTREAM_ENGINE": "consumer.inference.engine:create",
        "SPEAKERSTREAM_DIARIZER": "compact",
        "SPEAKERSTREAM_EMBEDDER": "compact",
        "SPEAKERSTREAM_THREADS": "1",
    }
    with ServiceProcess(settings, made.folder / "service.log") as process:
        cpu_s = kafka.wait_until_committed(made, _CHUNKS, process)
        peak = kafka.peak_bytes(process.pid)
        assert process.terminate() == 0, process.said()[-2000:]
    return kafka.pace(made, cpu_s).chunks_per_s, peak
