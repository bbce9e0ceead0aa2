"""What an engine is made with. Imports no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True, slots=True)
class StreamingCache:
    """The five settings of a streaming Sortformer, in model frames (80 ms for v2.1).

    Always set, because the values inside published checkpoints differ from each other and from
    those their accuracy was published for. The defaults are the published profile of 30.4 s
    latency ("very high"), the most accurate one: a chunk is whole when it arrives.
    """

    chunk_len: int = 340
    chunk_right_context: int = 40
    fifo_len: int = 40
    spkcache_update_period: int = 300
    spkcache_len: int = 188


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How to build an engine.

    `diarizer` and `embedder` name checkpoints as `checkpoints.resolve` takes them. In `fp32` the
    same chunk gets the same answer on every machine (1e-5); `auto` is `bf16` where the processor
    has it natively, `fp32` elsewhere. `threads` are torch's on the CPU; None is half the cores,
    the rest being needed for decoding and Kafka. `postprocessing` is a YAML file in NeMo's
    layout; None takes what comes with the checkpoint, else NeMo's defaults. `max_batch_audio_s`
    bounds the seconds of audio, padding included, in one pass over the device.
    """

    diarizer: str
    embedder: str
    device: Device = "auto"
    precision: Precision = "fp32"
    threads: int | None = None
    postprocessing: Path | None = None
    max_batch_audio_s: float = 600.0
    streaming: StreamingCache = StreamingCache()
