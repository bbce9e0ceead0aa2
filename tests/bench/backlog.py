"""Peak memory with much waiting against peak memory with little."""

import tempfile
import uuid
from pathlib import Path
from typing import Any

from deploy.kafka import KafkaCluster
from tests.bench import bare_service, kafka, messages
from tests.bench.measure import Say

SMALL, LARGE = 2_000, 20_000
_WAVEFORM_S = "30"


def against_small(_rounds: int, say: Say) -> dict[str, Any]:
    """Peak resident memory of the service, chunks of 30 s decoded but no model."""
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
    with messages.start(made, **{bare_service.WAVEFORM_S: _WAVEFORM_S}) as process:
        kafka.wait_until_committed(made, chunks, process)
        peak = kafka.peak_bytes(process.pid)
        assert process.terminate() == 0, process.said()[-2000:]
    return peak
