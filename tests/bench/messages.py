"""The way of a message, without audio and models: ours against a quixstreams application."""

import json
import os
import statistics
import subprocess
import tempfile
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from consumer.inference.results import label
from deploy.kafka import KafkaCluster
from schemas import catalogue
from schemas.records import ChunkResult, SpeakerFingerprint, SpeakerSegment
from tests.bench import kafka
from tests.bench.answer import analysis
from tests.bench.measure import Say
from tests.bench.quix import environment
from tests.service.installation import Installation
from tests.service.process import ServiceProcess

_CHUNKS = 8000
_SCHEMAS = Path(catalogue.__file__).parent


def against_quixstreams(rounds: int, say: Say) -> dict[str, Any]:
    """Both over the same backlog on one broker of Apache Kafka, in turn, exactly once."""
    python = environment.python(say)
    ours, theirs = [], []
    with KafkaCluster() as cluster, tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for _ in range(rounds):
            mine = run_service(cluster.bootstrap, folder, _CHUNKS)
            other = _run_quixstreams(cluster.bootstrap, folder, python)
            say(
                f"ours {mine.chunks_per_s:.0f} chunks/s at {1000 * mine.cpu_s_per_chunk:.2f} ms of "
                f"processor, quixstreams {other.chunks_per_s:.0f} at "
                f"{1000 * other.cpu_s_per_chunk:.2f} ms"
            )
            if mine.outputs != other.outputs:
                raise AssertionError(f"not the same outputs: {mine}, {other}")
            ours.append(mine)
            theirs.append(other)
    mine_s, theirs_s = (
        statistics.median(p.chunks_per_s for p in paces) for paces in (ours, theirs)
    )
    return {
        "chunks_per_s": mine_s,
        "ratio": mine_s / theirs_s,
        "cpu_ratio": statistics.median(p.cpu_s_per_chunk for p in theirs)
        / statistics.median(p.cpu_s_per_chunk for p in ours),
        "ours": [asdict(p) for p in ours],
        "quixstreams": [asdict(p) for p in theirs],
        "quixstreams_version": environment.version(python),
        "chunks": _CHUNKS,
        "events_per_chunk": 1 + len(analysis().segments) + len(analysis().fingerprints),
    }


def run_service(bootstrap: str, folder: Path, chunks: int) -> kafka.Pace:
    """The bare service over a backlog."""
    made = kafka.backlog(bootstrap, f"ours-{uuid.uuid4().hex[:8]}", folder, chunks)
    with start(made) as process:
        cpu_s = kafka.wait_until_committed(made, chunks, process)
        assert process.terminate() == 0, process.said()[-2000:]
    return kafka.pace(made, cpu_s)


def start(made: Installation, **environment: str) -> ServiceProcess:
    """The bare service as a process, with its default settings."""
    settings = {
        **made.environment,
        "SPEAKERSTREAM_ENGINE": "tests.bench.bare_service:create",
        **environment,
    }
    log = made.folder / f"{made.name}.log"
    return ServiceProcess(settings, log, module="tests.bench.bare_service")


def _run_quixstreams(bootstrap: str, folder: Path, python: Path) -> kafka.Pace:
    made = kafka.backlog(bootstrap, f"quix-{uuid.uuid4().hex[:8]}", folder, _CHUNKS)
    job = folder / f"{made.name}.json"
    job.write_text(json.dumps(_job(made)))
    log = folder / f"{made.name}.log"
    script = Path(__file__).with_name("quix") / "application.py"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [python, script, job], stdout=file, stderr=file, env={**os.environ, "PYTHONPATH": ""}
        )
    running = _Running(process)
    try:
        cpu_s = kafka.wait_until_committed(made, _CHUNKS, running)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{log.read_text()[-2000:]}") from error
    finally:
        process.terminate()
        process.wait(30)
    return kafka.pace(made, cpu_s)


@dataclass(frozen=True)
class _Running:
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.poll() is None


def _job(made: Installation) -> dict[str, Any]:
    """What the application is told: names, schemas and the answer, as plain JSON."""
    answer = analysis()
    records = (ChunkResult, SpeakerSegment, SpeakerFingerprint)
    return {
        "bootstrap": made.bootstrap,
        "group": made.name,
        "input": made.topics.audio_chunks,
        "input_schema": str(_SCHEMAS / "AudioChunk.avsc"),
        "outputs": {
            record.avro_name: {
                "topic": made.topics.outputs[record],
                "schema": str(_SCHEMAS / f"{record.avro_name}.avsc"),
                "header": "c301" + catalogue.fingerprint_of(record.avro_name).hex(),
            }
            for record in records
        },
        "duration_s": answer.duration_s,
        "segments": [{**asdict(s), "speaker": label(s.speaker)} for s in answer.segments],
        "fingerprints": [
            {**asdict(f), "speaker": label(f.speaker), "embedding": f.embedding.tolist()}
            for f in answer.fingerprints
        ],
    }
