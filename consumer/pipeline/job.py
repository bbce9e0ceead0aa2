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
    """Where a job is. A stall is a stage that lasts too long, RETRYING excepted."""

    READING = "reading"  # the event's bytes
    QUEUED = "queued"  # for memory to fetch into
    FETCHING = "fetching"
    RETRYING = "retrying"  # declared: infrastructure or the object is away
    DECODING = "decoding"
    READY = "ready"  # for a place in a batch
    INFERRING = "inferring"
    ENCODING = "encoding"


@dataclass(slots=True, eq=False)
class Job:
    """Mutable: handed from stage to stage, in one stage at a time."""

    number: int  # order of submission: older jobs go first
    record: InputRecord
    chunk: AudioChunk | None = None
    waveform: Waveform | None = None
    stage: Stage = Stage.READING
    since: float = field(default_factory=time.monotonic)
    retries: int = 0
    reserved_bytes: int = 0
    dropped: bool = False  # its partition is gone: stop at the next stage
    seconds: dict[Stage, float] = field(default_factory=dict)  # spent in each stage

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
