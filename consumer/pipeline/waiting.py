"""Jobs that wait: for memory to work in, or for the time of their next try."""

import heapq
import threading
import time

from consumer.inference.results import SAMPLE_RATE
from consumer.pipeline.budget import Budget
from consumer.pipeline.job import Job, Stage
from consumer.pipeline.seams import Limits

_BYTES_PER_S = SAMPLE_RATE * 4  # of a decoded waveform


class WaitingRoom:
    """Lets a job in when what it may come to hold fits; the oldest one first.

    Whatever is fetched or decoded is counted in bytes before it is begun, so memory is bounded
    whatever the backlog, up to the waveforms just decoded that came longer than their events said:
    see `settle`. Used from every thread.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._budget = Budget(limits.buffered_bytes)
        self._queued: list[tuple[int, Job]] = []  # heap: oldest first, waiting for memory
        self._retries: list[tuple[float, int, Job]] = []  # heap: soonest first

    @property
    def used_bytes(self) -> int:
        """Bytes held, or reserved, by objects and waveforms."""
        return self._budget.used

    def enqueue(self, job: Job) -> None:
        """The job's event is read: it waits for memory."""
        job.enter(Stage.QUEUED)
        with self._lock:
            heapq.heappush(self._queued, (job.number, job))

    def put_off(self, job: Job, wait_s: float) -> None:
        """The job holds nothing any more and is tried again after `wait_s`."""
        with self._lock:
            self._hold(job, 0)
            heapq.heappush(self._retries, (time.monotonic() + wait_s, job.number, job))

    def leave(self) -> list[Job]:
        """Jobs that may go on now: READING anew, or QUEUED with their memory reserved."""
        leaving: list[Job] = []
        if not self._queued and not self._retries:
            return leaving
        with self._lock:
            now = time.monotonic()
            while self._retries and self._retries[0][0] <= now:
                _, _, job = heapq.heappop(self._retries)
                if job.chunk is None:
                    job.enter(Stage.READING)
                    leaving.append(job)
                else:
                    job.enter(Stage.QUEUED)
                    heapq.heappush(self._queued, (job.number, job))
            while self._queued:
                job = self._queued[0][1]
                wanted = 0 if job.dropped else self._wanted_bytes(job)
                if not job.dropped and not self._budget.fits(wanted):
                    break
                heapq.heappop(self._queued)
                if not job.dropped:
                    self._hold(job, wanted)
                    leaving.append(job)
        return leaving

    def hold(self, job: Job, amount: int) -> None:
        """The job holds `amount` bytes from now on."""
        with self._lock:
            self._hold(job, amount)

    def settle(self, job: Job, decoded_bytes: int) -> bool:
        """The job's waveform is there; from now on the job holds that.

        False where it is larger than what its event made us reserve and there is no room for it:
        the job holds nothing then, and waits to be fetched again with as much reserved.
        """
        with self._lock:
            if job.dropped:
                return False
            if decoded_bytes <= job.reserved_bytes or self._budget.fits(
                decoded_bytes, instead_of=job.reserved_bytes
            ):
                self._hold(job, decoded_bytes)
                return True
            self._hold(job, 0)
            job.decoded_bytes = decoded_bytes
        self.enqueue(job)
        return False

    def drop(self, job: Job) -> None:
        """Nobody wants the job's answer any more."""
        with self._lock:
            self._hold(job, 0)
            job.dropped = True

    def _hold(self, job: Job, amount: int) -> None:
        if job.dropped:
            return  # given back when it was dropped
        self._budget.change(job.reserved_bytes, amount)
        job.reserved_bytes = amount

    def _wanted_bytes(self, job: Job) -> int:
        """What the job may come to hold: the object, then the waveform."""
        assert job.chunk is not None
        size = job.chunk.size_bytes or self._limits.object_bytes
        seconds = min(job.chunk.duration_s or self._limits.chunk_s, self._limits.chunk_s)
        return size + max(int(seconds * _BYTES_PER_S), job.decoded_bytes)
