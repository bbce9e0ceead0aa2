"""The stages between a polled record and its outputs.

    submit -> read the event -> (memory) -> fetch -> (count) -> decode -> batch, infer -> encode
    -> collect

The owner thread submits, counts attempts, collects and never waits here. Reading and fetching run
on a few threads, decoding in processes, inference on one thread, encoding on another.
"""

import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future
from contextlib import suppress
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
from consumer.inference.results import Analysis, Engine, Waveform
from consumer.pipeline import reading
from consumer.pipeline.gate import Gate
from consumer.pipeline.inferrer import Inferrer
from consumer.pipeline.job import Job, Outcome, Stage
from consumer.pipeline.jobs import Jobs
from consumer.pipeline.seams import Decoder, Events, Fetcher, Limits, Watch
from consumer.pipeline.waiting import WaitingRoom
from consumer.pipeline.workers import Workers
from consumer.records import InputRecord, Ticket
from schemas import codec

_StageFunction = Callable[[Job], None]


class Pipeline:
    """See the module. Its public methods belong to the owner thread."""

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
        self._events = events
        self._limits = limits
        self._watch = watch
        self._jobs = Jobs()
        self._waiting = WaitingRoom(limits)
        self._gate = Gate()
        self._outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self._fault: BaseException | None = None
        self._workers = Workers(limits.fetch_threads, "fetch")
        self._encoder = Workers(1, "encode")
        self._inferrer = Inferrer(engine, limits.batch_audio_s, self._analyzed, watch, self._broke)
        self._inferrer.start()

    # -- the owner's side ---------------------------------------------------------------------

    def submit(self, record: InputRecord) -> None:
        """Begin work on a record."""
        self._run(self._jobs.begin(record), self._read)

    def give_up(self, record: InputRecord, reason: Reason, message: str) -> None:
        """Answer a record without working on it."""
        job = self._jobs.begin(record)
        self._run(job, lambda job: self._read_and_give_up(job, reason, message))

    @property
    def uncounted(self) -> frozenset[int]:
        """Partitions with a record that goes on once the attempt is counted: see `count`."""
        return self._gate.waiting

    def count(self, partitions: Collection[int]) -> None:
        """Attempts on these partitions' heads are written down: go on with their records."""
        for job in self._gate.admit(partitions):
            self._run(job, self._decode)

    def count_again(self, partitions: Collection[int]) -> None:
        """The next attempt on these partitions is to be written down anew."""
        self._gate.shut(partitions)

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
        self._let_in()
        outcomes: list[Outcome] = []
        while True:
            try:
                outcome = self._outcomes.get_nowait()
            except Empty:
                return outcomes
            if self._jobs.end(outcome.ticket):
                outcomes.append(outcome)

    def drop(self, partitions: Collection[int]) -> None:
        """Stop working on these partitions' records; what still finishes is thrown away."""
        for job in self._jobs.drop(partitions):
            self._waiting.drop(job)
        self._gate.forget(partitions)

    def working(self, partitions: Collection[int]) -> bool:
        """Whether a record of these partitions will finish without anything outside returning."""
        return self._jobs.working(partitions)

    def stalled(self, heads: Iterable[Ticket], limit_s: float) -> str | None:
        """A sentence about a head record that made no progress for `limit_s`, if there is one."""
        return self._jobs.stalled(heads, limit_s)

    def head_since(self, heads: Iterable[Ticket]) -> float | None:
        """See `Jobs.head_since`."""
        return self._jobs.head_since(heads)

    @property
    def retrying(self) -> int:
        """Records in a declared retry."""
        return self._jobs.retrying

    @property
    def idle(self) -> bool:
        """Whether no record is being worked on."""
        return self._jobs.idle

    @property
    def buffered_bytes(self) -> int:
        """Bytes of events, objects and waveforms held."""
        return self._waiting.used_bytes + self._jobs.event_bytes

    def close(self, deadline_s: float) -> None:
        """Stop everything within about `deadline_s`."""
        for job in self._jobs.drop():
            self._waiting.drop(job)
        self._workers.close()
        self._encoder.close()
        self._inferrer.close(deadline_s)
        self._decoder.close(deadline_s)
        self._fetcher.close()

    # -- the stages ---------------------------------------------------------------------------

    def _run(self, job: Job, stage: _StageFunction) -> None:
        self._workers.submit(lambda: self._work(job, stage))

    def _work(self, job: Job, stage: _StageFunction) -> None:
        self._guarded(job, stage)
        self._jobs.turned(Stage.READING, Stage.QUEUED)

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
        except FatalError as error:
            self._broke(error)
        except BaseException as error:
            # Ends the process, once the attempt is counted: uncounted, the record would do so at
            # every start.
            job.fault = error
            if self._gate.passes(job):
                self._broke(error)

    def _read(self, job: Job) -> None:
        job.chunk = reading.read(self._codec, job.record)
        if not key_matches(job.record, job.chunk):
            self._watch.misplaced()
            reading.log_key(job.record, job.chunk)
        reading.refuse_oversize(
            job.chunk, object_bytes=self._limits.object_bytes, chunk_s=self._limits.chunk_s
        )
        self._waiting.enqueue(job)
        if self._let_in(job):
            self._fetch(job)

    def _let_in(self, mine: Job | None = None) -> bool:
        """Start what may start: retries that are due, and fetches that memory allows.

        Whether `mine` is among them: its caller goes on with it, in the thread it is in.
        """
        found = False
        for job in self._waiting.leave():
            if job is mine:
                found = True
            else:
                self._run(job, self._read if job.chunk is None else self._fetch)
        return found

    def _fetch(self, job: Job) -> None:
        assert job.chunk is not None
        job.enter(Stage.FETCHING)  # here, not when handed over: a stall is judged by it
        job.data = self._fetcher.fetch(reading.reference(job.chunk))
        self._watch.fetched(len(job.data))
        faults.point("after_fetch")
        if self._gate.passes(job):
            self._decode(job)

    def _decode(self, job: Job) -> None:
        if job.fault is not None:
            raise job.fault
        assert job.chunk is not None
        job.enter(Stage.DECODING)
        data, job.data = job.data, b""
        future = self._decoder.submit(data, job.chunk.channel)
        future.add_done_callback(lambda done: self._after_decoding(job, done))
        self._let_in()

    def _after_decoding(self, job: Job, done: "Future[Waveform]") -> None:
        self._jobs.turned(Stage.DECODING)
        self._guarded(job, lambda j: self._decoded(j, done))

    def _decoded(self, job: Job, future: "Future[Waveform]") -> None:
        waveform = future.result()
        if self._waiting.settle(job, waveform.nbytes):
            job.waveform = waveform
            job.enter(Stage.READY)
            self._inferrer.put(job)

    def _analyzed(self, job: Job, answer: Analysis | PermanentError) -> None:
        faults.point("after_inference")
        job.waveform = None
        job.enter(Stage.ENCODING)
        self._encoder.submit(lambda: self._guarded(job, lambda j: self._encode(j, answer)))

    def _encode(self, job: Job, answer: Analysis | PermanentError) -> None:
        if isinstance(answer, PermanentError):
            raise answer
        assert job.chunk is not None
        outputs = self._events.diarized(job.chunk, job.record, answer)
        self._waiting.hold(job, 0)
        self._outcomes.put(job.outcome(outputs, analysis=answer))

    # -- endings ------------------------------------------------------------------------------

    def _fail(self, job: Job, reason: Reason, message: str) -> None:
        try:
            self._give_up(job, reason, message)
        except BaseException as error:
            self._broke(error)

    def _read_and_give_up(self, job: Job, reason: Reason, message: str) -> None:
        with suppress(Exception):  # it may be what ended the process
            job.chunk = reading.read(self._codec, job.record)
        self._give_up(job, reason, message)

    def _give_up(self, job: Job, reason: Reason, message: str) -> None:
        faults.point("in_dead_letter")
        outputs = self._events.failed(job.record, job.chunk, reason, message)
        job.waveform = None
        self._waiting.hold(job, 0)
        self._outcomes.put(job.outcome(outputs, reason=reason, message=message))

    def _retry(self, job: Job, why: str) -> None:
        job.enter(Stage.RETRYING)
        job.waveform = None
        wait_s = job.next_retry_s()
        reading.log_retry(job, why, wait_s)
        self._waiting.put_off(job, wait_s)

    def _broke(self, error: BaseException) -> None:
        self._fault = error
