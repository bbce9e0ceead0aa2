"""The stages between a polled record and its outputs.

    submit -> read the event -> (memory) -> fetch -> decode -> batch, infer -> encode -> collect

The owner thread submits and collects and never waits here. Reading and fetching run on a few
threads, decoding in processes, inference on one thread, encoding on another. Whatever is fetched or
decoded is counted in bytes before it is begun, so memory is bounded whatever the backlog.
"""

import heapq
import threading
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from consumer import faults
from consumer.errors import (
    ExitCode,
    FatalError,
    ObjectUnavailableError,
    PermanentError,
    Reason,
    TransientError,
)
from consumer.events import key_matches
from consumer.inference.results import SAMPLE_RATE, Analysis, Engine, Waveform
from consumer.pipeline import reading
from consumer.pipeline.budget import Budget
from consumer.pipeline.inferrer import Inferrer
from consumer.pipeline.job import Job, Outcome, Stage
from consumer.pipeline.seams import Decoder, Events, Fetcher, Watch
from consumer.records import InputRecord, Ticket
from schemas import codec

_StageFunction = Callable[[Job], None]

_BYTES_PER_S = SAMPLE_RATE * 4  # of a decoded waveform


@dataclass(frozen=True, slots=True)
class Limits:
    """What the pipeline may hold and how long it waits."""

    fetch_threads: int
    buffered_bytes: int
    object_bytes: int
    chunk_s: float
    batch_audio_s: float
    object_grace_s: float


class Pipeline:
    """See the module. `submit`, `collect`, `drop` and `close` belong to the owner thread."""

    def __init__(
        self,
        *,
        codec_in: codec.Decoder,
        fetcher: Fetcher,
        decoder: Decoder,
        engine: Engine,
        events: Events,
        limits: Limits,
        watch: Watch,
    ) -> None:
        self._codec = codec_in
        self._fetcher = fetcher
        self._decoder = decoder
        self._engine = engine
        self._events = events
        self._limits = limits
        self._watch = watch
        self._lock = threading.Lock()
        self._jobs: dict[Ticket, Job] = {}
        self._numbers = 0
        self._queued: list[tuple[int, Job]] = []  # heap: oldest first, waiting for memory
        self._retries: list[tuple[float, int, Job]] = []  # heap: soonest first
        self._budget = Budget(limits.buffered_bytes)
        self._outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self._fault: BaseException | None = None
        self._turns: dict[Stage, float] = {}  # when one of a waiting stage's workers came free
        self._workers = ThreadPoolExecutor(limits.fetch_threads, thread_name_prefix="fetch")
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="encode")
        self._inferrer = Inferrer(engine, limits.batch_audio_s, self._analyzed, watch, self._broke)
        self._inferrer.start()

    # -- the owner's side ---------------------------------------------------------------------

    def submit(self, record: InputRecord) -> None:
        """Begin work on a record."""
        with self._lock:
            self._numbers += 1
            job = self._jobs[record.ticket] = Job(self._numbers, record)
        self._run(job, self._read)

    def give_up(
        self, record: InputRecord, reason: Reason, message: str, *, unread: bool = False
    ) -> None:
        """Answer a record without working on it; `unread`: without even decoding the event."""
        with self._lock:
            self._numbers += 1
            job = self._jobs[record.ticket] = Job(self._numbers, record)
        if unread:
            self._run(job, lambda job: self._give_up(job, reason, message))
        else:
            self._run(job, lambda job: self._read_and_give_up(job, reason, message))

    def collect(self) -> list[Outcome]:
        """What finished since the last call.

        Raises FatalError when a worker has died or a stage broke.
        """
        if isinstance(self._fault, FatalError):
            raise self._fault
        if self._fault is not None:
            raise FatalError(ExitCode.WORKER_DIED, f"a worker broke: {self._fault!r}")
        if not self._inferrer.alive():
            raise FatalError(ExitCode.WORKER_DIED, "the inference thread ended")
        if not self._decoder.alive():
            raise FatalError(ExitCode.WORKER_DIED, "the pool of decoder processes ended")
        self._pump()
        outcomes: list[Outcome] = []
        while True:
            try:
                outcome = self._outcomes.get_nowait()
            except Empty:
                return outcomes
            if self._jobs.pop(outcome.ticket, None) is not None:
                outcomes.append(outcome)

    def drop(self, partitions: Collection[int]) -> None:
        """Stop working on these partitions' records; what still finishes is thrown away."""
        with self._lock:
            for ticket in [t for t in self._jobs if t.partition in partitions]:
                job = self._jobs.pop(ticket)
                self._hold(job, 0)
                job.dropped = True

    def working(self, partitions: Collection[int]) -> bool:
        """Whether a record of these partitions will finish without anything outside returning."""
        with self._lock:
            return any(
                job.stage is not Stage.RETRYING
                for ticket, job in self._jobs.items()
                if ticket.partition in partitions
            )

    def stalled(self, heads: Iterable[Ticket], limit_s: float) -> str | None:
        """A sentence about a head record that made no progress for `limit_s`, if there is one."""
        now = time.monotonic()
        for job in self._heads(heads):
            if now - self._since(job) > limit_s:
                ticket = job.record.ticket
                return (
                    f"partition {ticket.partition}, offset {ticket.offset} has been "
                    f"{job.stage.value} for {now - job.since:.0f} s"
                )
        return None

    def head_since(self, heads: Iterable[Ticket]) -> float | None:
        """When the head record that made no progress for longest made its last (monotonic).

        None when no head is being worked on outside a declared retry.
        """
        return min((self._since(job) for job in self._heads(heads)), default=None)

    def _heads(self, heads: Iterable[Ticket]) -> list[Job]:
        jobs = (self._jobs.get(ticket) for ticket in heads)
        return [job for job in jobs if job is not None and job.stage is not Stage.RETRYING]

    def _since(self, job: Job) -> float:
        """When a job last came nearer to its end.

        One that waits its turn does so whenever the workers it waits for finish something: behind
        a store that lets every fetch time out, a long queue is no stall.
        """
        return max(job.since, self._turns.get(job.stage, 0.0))

    @property
    def retrying(self) -> int:
        """Records in a declared retry."""
        with self._lock:
            return sum(job.stage is Stage.RETRYING for job in self._jobs.values())

    @property
    def idle(self) -> bool:
        """Whether no record is being worked on."""
        return not self._jobs

    @property
    def buffered_bytes(self) -> int:
        """Bytes of events, objects and waveforms held."""
        with self._lock:
            return self._budget.used + sum(len(j.record.value or b"") for j in self._jobs.values())

    def close(self, deadline_s: float) -> None:
        """Stop everything within about `deadline_s`."""
        self.drop({ticket.partition for ticket in self._jobs})
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._encoder.shutdown(wait=False, cancel_futures=True)
        self._inferrer.close(deadline_s)
        self._decoder.close(deadline_s)
        self._fetcher.close()

    # -- the stages ---------------------------------------------------------------------------

    def _run(self, job: Job, stage: _StageFunction) -> None:
        self._workers.submit(self._work, job, stage)

    def _work(self, job: Job, stage: _StageFunction) -> None:
        self._guarded(job, stage)
        self._turns[Stage.READING] = self._turns[Stage.QUEUED] = time.monotonic()

    def _guarded(self, job: Job, stage: _StageFunction) -> None:
        """Run a stage; sort what it raises."""
        if job.dropped:
            return
        try:
            stage(job)
        except PermanentError as error:
            self._fail(job, error.reason, str(error))
        except ObjectUnavailableError as error:
            age_s = time.time() - job.record.timestamp_ms / 1000
            if age_s > self._limits.object_grace_s:
                self._fail(job, error.reason, f"{error} ({age_s:.0f} s after the event)")
            else:
                self._watch.retried(error.reason.value)
                self._retry(job, str(error))
        except TransientError as error:
            self._watch.retried("infrastructure")
            self._retry(job, str(error))
        except BaseException as error:
            self._broke(error)

    def _read(self, job: Job) -> None:
        job.chunk = reading.read(self._codec, job.record)
        if not key_matches(job.record, job.chunk):
            self._watch.misplaced()
            reading.log_key(job.record, job.chunk)
        reading.refuse_oversize(
            job.chunk, object_bytes=self._limits.object_bytes, chunk_s=self._limits.chunk_s
        )
        job.enter(Stage.QUEUED)
        with self._lock:
            heapq.heappush(self._queued, (job.number, job))
        self._pump()

    def _pump(self) -> None:
        """Start what may start: retries that are due, then fetches that memory allows."""
        starting: list[tuple[Job, _StageFunction]] = []
        with self._lock:
            now = time.monotonic()
            while self._retries and self._retries[0][0] <= now:
                _, _, job = heapq.heappop(self._retries)
                if job.chunk is None:
                    job.enter(Stage.READING)
                    starting.append((job, self._read))
                else:
                    job.enter(Stage.QUEUED)
                    heapq.heappush(self._queued, (job.number, job))
            while self._queued:
                job = self._queued[0][1]
                wanted = self._wanted_bytes(job)
                if not job.dropped and not self._budget.fits(wanted):
                    break
                heapq.heappop(self._queued)
                if job.dropped:
                    continue
                self._hold(job, wanted)
                starting.append((job, self._fetch))
        for job, stage in starting:
            self._run(job, stage)

    def _wanted_bytes(self, job: Job) -> int:
        """What the job may come to hold: the object, then the waveform."""
        assert job.chunk is not None
        size = job.chunk.size_bytes or self._limits.object_bytes
        seconds = min(job.chunk.duration_s or self._limits.chunk_s, self._limits.chunk_s)
        return size + int(seconds * _BYTES_PER_S)

    def _fetch(self, job: Job) -> None:
        assert job.chunk is not None
        job.enter(Stage.FETCHING)  # here, not when handed over: a stall is judged by it
        data = self._fetcher.fetch(reading.reference(job.chunk))
        self._watch.fetched(len(data))
        faults.point("after_fetch")
        job.enter(Stage.DECODING)
        future = self._decoder.submit(data, job.chunk.channel)
        future.add_done_callback(lambda done: self._after_decoding(job, done))
        self._pump()

    def _after_decoding(self, job: Job, done: "Future[Waveform]") -> None:
        self._turns[Stage.DECODING] = time.monotonic()
        self._guarded(job, lambda j: self._decoded(j, done))

    def _decoded(self, job: Job, future: "Future[Waveform]") -> None:
        job.waveform = future.result()
        with self._lock:
            self._hold(job, job.waveform.nbytes)
        job.enter(Stage.READY)
        self._inferrer.put(job)

    def _analyzed(self, job: Job, answer: Analysis | PermanentError) -> None:
        faults.point("after_inference")
        job.waveform = None
        job.enter(Stage.ENCODING)
        self._encoder.submit(self._guarded, job, lambda j: self._encode(j, answer))

    def _encode(self, job: Job, answer: Analysis | PermanentError) -> None:
        if isinstance(answer, PermanentError):
            raise answer
        assert job.chunk is not None
        outputs = self._events.diarized(job.chunk, job.record, answer)
        job.enter(Stage.ENCODING)
        self._release(job)
        self._outcomes.put(
            Outcome(
                job.record.ticket,
                outputs,
                job.chunk.recording_id,
                job.chunk.chunk_id,
                analysis=answer,
                seconds=job.seconds,
            )
        )

    # -- endings ------------------------------------------------------------------------------

    def _fail(self, job: Job, reason: Reason, message: str) -> None:
        try:
            self._give_up(job, reason, message)
        except BaseException as error:
            self._broke(error)

    def _read_and_give_up(self, job: Job, reason: Reason, message: str) -> None:
        with suppress(PermanentError, TransientError):
            job.chunk = reading.read(self._codec, job.record)
        self._give_up(job, reason, message)

    def _give_up(self, job: Job, reason: Reason, message: str) -> None:
        faults.point("in_dead_letter")
        outputs = self._events.failed(job.record, job.chunk, reason, message)
        job.enter(job.stage)  # counts the time in the stage it ends in
        self._release(job)
        self._outcomes.put(
            Outcome(
                job.record.ticket,
                outputs,
                job.chunk.recording_id if job.chunk else "",
                job.chunk.chunk_id if job.chunk else "",
                reason=reason,
                message=message,
                seconds=job.seconds,
            )
        )

    def _retry(self, job: Job, why: str) -> None:
        job.enter(Stage.RETRYING)
        self._release(job)
        wait_s = job.next_retry_s()
        reading.log_retry(job, why, wait_s)
        with self._lock:
            heapq.heappush(self._retries, (time.monotonic() + wait_s, job.number, job))

    def _release(self, job: Job) -> None:
        job.waveform = None
        with self._lock:
            self._hold(job, 0)

    def _hold(self, job: Job, amount: int) -> None:
        if job.dropped:
            return  # given back when it was dropped
        self._budget.change(job.reserved_bytes, amount)
        job.reserved_bytes = amount

    def _broke(self, error: BaseException) -> None:
        self._fault = error
