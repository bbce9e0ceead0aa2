"""Running a consumer over a backlog, and how fast it was."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.records import AudioChunk
from tests.brokers import client
from tests.service.installation import Installation

PARTITIONS = 4
_RECORDINGS = 40
_WARM_UP_S = 1.0
_LONGEST_S = 1200.0


def installation(bootstrap: str, name: str, folder: Path) -> Installation:
    """Fresh topics whose records the broker stamps with the time they are appended."""
    made = Installation(bootstrap, name, folder, partitions=PARTITIONS, existing=True)
    topics = (made.topics.audio_chunks, *made.topics.outputs.values(), made.topics.dead_letters)
    stamp = {"message.timestamp.type": "LogAppendTime"}
    client.create_topics(bootstrap, *topics, partitions=PARTITIONS, config=stamp)
    return made


def backlog(bootstrap: str, name: str, folder: Path, chunks: int) -> Installation:
    """Fresh topics, with so many events waiting."""
    made = installation(bootstrap, name, folder)
    made.publish(*(event(number, "file:///nowhere") for number in range(chunks)))
    return made


def event(number: int, uri: str, size: int | None = None) -> AudioChunk:
    """Chunk `number` of one of some recordings."""
    return AudioChunk(
        recording_id=f"recording-{number % _RECORDINGS}",
        chunk_id=f"chunk-{number}",
        sequence=number // _RECORDINGS,
        start_s=number // _RECORDINGS * 60.0,
        uri=uri,
        duration_s=60.0,
        size_bytes=size or 1000,
    )


class Process(Protocol):
    """A consumer at work."""

    @property
    def pid(self) -> int:
        """Process id."""
        ...

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        ...


def cpu_s(pid: int) -> float:
    """Processor time a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def peak_bytes(pid: int) -> int:
    """The most resident memory a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [each for each in status.splitlines() if each.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def wait_until_committed(made: Installation, chunks: int, process: Process) -> float:
    """Until the group has committed all: the processor seconds a chunk took, start-up left out.

    Raises AssertionError when the process ends before.
    """
    group = Consumer({"bootstrap.servers": made.bootstrap, "group.id": made.name})
    wanted = [TopicPartition(made.topics.audio_chunks, number) for number in range(PARTITIONS)]
    deadline = time.monotonic() + _LONGEST_S
    first: tuple[int, float] | None = None
    try:
        while True:
            done = _committed(group, wanted)
            assert process.running, "the process ended before it had answered everything"
            if done and first is None:
                first = done, cpu_s(process.pid)
            if done >= chunks:
                assert first is not None
                return (cpu_s(process.pid) - first[1]) / max(1, chunks - first[0])
            assert time.monotonic() < deadline, f"not done after {_LONGEST_S:.0f} s"
            time.sleep(0.25)
    finally:
        group.close()


def _committed(group: Consumer, wanted: list[TopicPartition]) -> int:
    try:
        return sum(max(0, tp.offset) for tp in group.committed(wanted, timeout=30))
    except KafkaException:  # a broker that has just started has no coordinator yet
        return 0


@dataclass(frozen=True, slots=True)
class Pace:
    """What the output topics say about a run."""

    results: int
    segments: int
    fingerprints: int
    chunks_per_s: float  # without the first second
    cpu_s_per_chunk: float  # of the process, all threads

    @property
    def outputs(self) -> tuple[int, int, int]:
        """How many of each kind."""
        return self.results, self.segments, self.fingerprints


def pace(made: Installation, cpu_s_per_chunk: float) -> Pace:
    """By the time at which the broker appended each committed result."""
    topics = made.topics
    moments: list[int] = []
    counts = dict.fromkeys(topics.outputs.values(), 0)
    for record in client.records_to_end(made.bootstrap, *counts, deadline_s=_LONGEST_S):
        counts[record.topic] += 1
        if record.topic == topics.chunk_results:
            moments.append(record.timestamp_ms)
    begin_ms = min(moments) + int(_WARM_UP_S * 1000)
    steady = [moment for moment in moments if moment > begin_ms]
    seconds = (max(moments) - begin_ms) / 1000
    return Pace(
        results=counts[topics.chunk_results],
        segments=counts[topics.speaker_segments],
        fingerprints=counts[topics.speaker_fingerprints],
        chunks_per_s=len(steady) / seconds,
        cpu_s_per_chunk=cpu_s_per_chunk,
    )
