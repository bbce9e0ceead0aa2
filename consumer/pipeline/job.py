"""One input record on its way through the stages."""

import random
import time
from dataclasses import dataclass, field
from enum import StrEnum

from consumer.errors import Reason
from consumer.inference.results import Analysis, Waveform
from consumer.records import InputRecord, OutputRecord, Ticket
from schemas.records import AudioChunk

_FIRST_RETRY_S = 0.25
_LONGEST_RETRY_S = 30.0


class Stage(StrEnum):
    """Where a job is. A stall is a stage that lasts too long, those in WAITS excepted."""

    READING = "reading"  # the event's bytes
    QUEUED = "queued"  # for memory to fetch into
    FETCHING = "fetching"
    FETCHED = "fetched"  # until the attempt on its partition is counted
    RETRYING = "retrying"  # declared: infrastructure or the object is away
    DECODING = "decoding"
    READY = "ready"  # for a place in a batch
    INFERRING = "inferring"
    ENCODING = "encoding"


WAITS = (Stage.RETRYING, Stage.FETCHED)
"""Stages that end when something outside returns: the store, or the broker."""


@dataclass(slots=True, eq=False)
class Job:
    """Mutable: handed from stage to stage, in one stage at a time."""

    number: int  # order of submission: older jobs go first
    record: InputRecord
    chunk: AudioChunk | None = None
    data: bytes = b""  # fetched, until they are decoded
    waveform: Waveform | None = None
    stage: Stage = Stage.READING
    since: float = field(default_factory=time.monotonic)
    retries: int = 0
    reserved_bytes: int = 0
    decoded_bytes: int = 0  # what its waveform came to, where that was more than was reserved
    fault: BaseException | None = None  # ends the process when the attempt is counted
    dropped: bool = False  # its partition is gone: stop at the next stage
    seconds: dict[Stage, float] = field(default_factory=dict)  # spent in each stage

    @property
    def event_bytes(self) -> int:
        """Bytes of the event."""
        return len(self.record.value or b"")

    def outcome(
        self,
        outputs: tuple[OutputRecord, ...],
        *,
        analysis: Analysis | None = None,
        reason: Reason | None = None,
        message: str = "",
    ) -> "Outcome":
        """The answer to this job's record; `analysis` or `reason` is given."""
        self.enter(self.stage)  # counts the time in the stage it ends in
        return Outcome(
            ticket=self.record.ticket,
            outputs=outputs,
            recording_id=self.chunk.recording_id if self.chunk else "",
            chunk_id=self.chunk.chunk_id if self.chunk else "",
            analysis=analysis,
            reason=reason,
            message=message,
            seconds=self.seconds,
        )

    def enter(self, stage: Stage) -> None:
        """Move on to `stage`."""
        now = time.monotonic()
        self.seconds[self.stage] = self.seconds.get(self.stage, 0.0) + now - self.since
        self.stage, self.since = stage, now

    def next_retry_s(self) -> float:
        """Seconds to wait before the next try: exponential, jittered so that workers spread."""
        self.retries += 1
        longest = min(_LONGEST_RETRY_S, _FIRST_RETRY_S * 2.0 ** min(self.retries, 16))
        return longest * random.uniform(0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one input record: what to publish, and what to say of it in the log."""

    ticket: Ticket
    outputs: tuple[OutputRecord, ...]
    recording_id: str
    chunk_id: str
    analysis: Analysis | None = None  # None for a failed record
    reason: Reason | None = None
    message: str = ""
    seconds: dict[Stage, float] = field(default_factory=dict)
