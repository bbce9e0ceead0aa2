"""The one thread that owns the engine."""

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from consumer.errors import PermanentError
from consumer.inference.results import SAMPLE_RATE, Analysis, Engine
from consumer.pipeline import batcher
from consumer.pipeline.job import Job, Stage
from consumer.pipeline.seams import Watch

log = structlog.get_logger(__name__)

Deliver = Callable[[Job, Analysis | PermanentError], None]


class Inferrer:
    """Takes ready jobs in batches through the engine and delivers the answers.

    `deliver` is called on the inference thread. An exception of the engine as a whole goes to
    `fail`: the thread ends, and with it the process.
    """

    def __init__(
        self,
        engine: Engine,
        max_batch_audio_s: float,
        deliver: Deliver,
        watch: Watch,
        fail: Callable[[BaseException], None],
    ) -> None:
        self._engine = engine
        self._max_batch_samples = int(max_batch_audio_s * SAMPLE_RATE)
        self._deliver = deliver
        self._watch = watch
        self._fail = fail
        self._ready: list[Job] = []
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def put(self, job: Job) -> None:
        """A waveform is ready. Called from any thread."""
        with self._changed:
            self._ready.append(job)
            self._changed.notify()

    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def close(self, deadline_s: float) -> None:
        """Finish the batch in hand, drop the rest."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(deadline_s)

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                self._infer(batch)
        except BaseException as error:  # whatever ends this thread must end the process
            self._fail(error)

    def _next_batch(self) -> list[Job]:
        with self._changed:
            while True:
                self._ready = [job for job in self._ready if not job.dropped]
                if self._closing:
                    return []
                if self._ready:
                    batch = batcher.choose(self._ready, self._max_batch_samples)
                    chosen = set(batch)
                    self._ready = [job for job in self._ready if job not in chosen]
                    return batch
                self._changed.wait()

    def _infer(self, batch: Sequence[Job]) -> None:
        waveforms = []
        for job in batch:
            assert job.waveform is not None
            job.enter(Stage.INFERRING)
            waveforms.append(job.waveform)
        samples = sum(len(waveform) for waveform in waveforms)
        began = time.monotonic()
        answers = self._engine.analyze(waveforms)
        self._watch.inferred(
            [job.record.ticket for job in batch],
            samples / SAMPLE_RATE,
            samples / self._max_batch_samples,
            time.monotonic() - began,
        )
        for job, answer in zip(batch, answers, strict=True):
            self._deliver(job, answer)
