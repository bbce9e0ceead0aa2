"""Peak memory with much waiting against peak memory with little."""

import tempfile
import uuid
from pathlib import Path
from typing import Any

from deploy.kafka import KafkaCluster
from tests.bench import bare_service, kafka, messages
from tests.bench.measure import Say

SMALL, LARGE = 2_000, 20_000
# A model slower than the store and the decoders, as models are: so what may be held is held, with
# little waiting and with much. Without it the peak would be the longest hiccup of the machine.
_PRETENDED = {bare_service.WAVEFORM_S: "30", bare_service.INFER_S: "0.005"}


def against_small(_rounds: int, say: Say) -> dict[str, Any]:
    """Peak resident memory of the service with waveforms of 30 s, and a pause for a model."""
    with KafkaCluster() as cluster, tempfile.TemporaryDirectory() as temporary:
        peaks = {}
        for chunks in (SMALL, LARGE):
            peaks[chunks] = _peak_bytes(cluster.bootstrap, Path(temporary), chunks)
            say(f"{chunks} chunks: {peaks[chunks] / 1e6:.0f} MB")
    return {
        "ratio": peaks[LARGE] / peaks[SMALL],
        "peak_bytes": {str(chunks): peak for chunks, peak in peaks.items()},
    }


def _peak_bytes(bootstrap: str, folder: Path, chunks: int) -> int:
    made = kafka.backlog(bootstrap, f"backlog-{uuid.uuid4().hex[:8]}", folder, chunks)
    with messages.start(made, **_PRETENDED) as process:
        kafka.wait_until_committed(made, chunks, process)
        peak = kafka.peak_bytes(process.pid)
        assert process.terminate() == 0, process.said()[-2000:]
    return peak
