"""One soak: publish, wait, compare."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from consumer.audio.decode import DecodeLimits
from consumer.audio.pool import DecodePool
from consumer.audio.worker import WorkerLimits
from consumer.inference.results import Analysis
from consumer.records import OutputRecord
from schemas.records import ChunkResult
from tests.brokers import client
from tests.chaos.growth import Growth
from tests.chaos.verifier import says
from tests.service.installation import Installation
from tests.service.process import ServiceProcess
from tests.soak.material import MAX_CHUNK_S, MAX_OBJECT_BYTES, Input, Material

_PARTITIONS = 4
_LEAST_RATE = 5.0  # inputs a second, on a machine that is very busy with other things
_BATCH = 500
_NUMBER = "soak.number"
_MOST_GROWTH_MB = 32.0
_SHOWN = 10


def soak(
    bootstrap: str, count: int, seed: int, log: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """Damage `count` inputs, let one process of the service answer them, and count."""
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        installation = Installation(
            bootstrap, f"soak-{seed}-{time.time_ns()}", Path(folder), partitions=_PARTITIONS
        )
        environment = {
            **installation.environment,
            "SPEAKERSTREAM_OBJECT_GRACE_S": "0",
            "SPEAKERSTREAM_MAX_CHUNK_S": str(MAX_CHUNK_S),
            "SPEAKERSTREAM_MAX_OBJECT_BYTES": str(MAX_OBJECT_BYTES),
            "SPEAKERSTREAM_DECODE_WORKERS": "1",
        }
        began = time.monotonic()
        with ServiceProcess(environment, log) as service:
            growth = Growth(lambda: service.pid, log.with_suffix(".csv"), every_s=1.0)
            growth.start()
            inputs = _publish(installation, count, seed, say)
            say("waiting for the last answers")
            installation.await_committed(count, deadline_s=60 + count / _LEAST_RATE)
            growth.finish()
            status = service.terminate() if service.running else service.wait()
        found = _compare(installation, inputs)
    grown = growth.grown_mb
    return {
        "inputs": count,
        "seed": seed,
        "seconds": round(time.monotonic() - began, 1),
        "kinds": dict(sorted(Counter(each.kind for each in inputs.values()).items())),
        **found,
        "exit_status": status,
        "growth": growth.report(),
        "flawless": not found["flaws"]
        and status == 0
        and (grown is None or grown < _MOST_GROWTH_MB),
    }


def _publish(
    installation: Installation, count: int, seed: int, say: Callable[[str], None]
) -> dict[int, Input]:
    pool = DecodePool(
        1,
        WorkerLimits(cpu_s=60.0, wall_s=60.0, memory_bytes=2 << 30),
        DecodeLimits(max_duration_s=MAX_CHUNK_S),
    )
    inputs: dict[int, Input] = {}
    batch: list[OutputRecord] = []
    try:
        for number, each in enumerate(Material(installation.folder, seed, pool).inputs(count)):
            inputs[number] = each
            header = (_NUMBER, str(number).encode())
            key = f"recording-{number % 24}".encode()
            batch.append(OutputRecord(installation.topics.audio_chunks, key, each.value, (header,)))
            if len(batch) == _BATCH or number == count - 1:
                client.produce(installation.bootstrap, *batch)
                batch.clear()
                say(f"{number + 1} of {count} published")
    finally:
        pool.close(5.0)
    return inputs


def _compare(installation: Installation, inputs: Mapping[int, Input]) -> dict[str, Any]:
    """Each input against its results and its dead letter."""
    topics = installation.topics
    places: dict[tuple[int, int], int] = {}
    for record in installation.read(topics.audio_chunks):
        places[record.partition, record.offset] = int(dict(record.headers)[_NUMBER] or b"")
    flaws: list[str] = []
    reasons: Counter[str] = Counter()
    answered: Counter[int] = Counter()
    refused: dict[int, str] = {}
    for result in installation.results():
        number = places[result.source.partition, result.source.offset]
        answered[number] += 1
        reasons[result.reason or result.status] += 1
        if result.status == "failed":
            refused[number] = result.reason or ""
        if not _right(inputs[number], result):
            flaws.append(f"{number} ({inputs[number].kind}): {result.status} {result.reason}")
    flaws += [
        f"{number}: answered {answered[number]} times" for number in inputs if answered[number] != 1
    ]
    letters: Counter[int] = Counter()
    for letter in installation.read(topics.dead_letters):
        said = dict(letter.headers)
        number = int(said[_NUMBER] or b"")
        letters[number] += 1
        same = letter.value == inputs[number].value
        if not same or (said["dlq.reason"] or b"").decode() != refused.get(number):
            flaws.append(f"{number} ({inputs[number].kind}): a wrong dead letter")
    if letters != Counter(refused.keys()):
        flaws.append(f"{letters.total()} dead letters for {len(refused)} failed results")
    return {
        "answers": dict(reasons.most_common()),
        "dead_letters": letters.total(),
        "flaw_count": len(flaws),
        "flaws": flaws[:_SHOWN],
    }


def _right(each: Input, result: ChunkResult) -> bool:
    return any(
        result.status == "diarized" and says(result, answer)
        if isinstance(answer, Analysis)
        else result.status == "failed" and result.reason == answer.value
        for answer in each.answers
    )
