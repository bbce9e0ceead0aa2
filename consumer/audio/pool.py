"""Decoding outside the service's process, in workers that may crash, hang or be killed."""

import queue
import signal
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Event, Thread

from consumer.audio.decode import DecodeLimits
from consumer.audio.process import DecoderProcess, WorkerDiedError
from consumer.audio.worker import WorkerLimits
from consumer.errors import (
    ExitCode,
    FatalError,
    PermanentError,
    Reason,
    SpeakerstreamError,
    TransientError,
)
from consumer.inference.results import Waveform

__all__ = ["DecodePool", "WorkerLimits"]

_START_ATTEMPTS = 3
_START_PAUSE_S = 0.5


@dataclass(frozen=True)
class _Task:
    data: bytes
    channel: int | None
    future: Future[Waveform] = field(default_factory=Future)


class DecodePool:
    """A fixed number of decoder processes, each with a thread, a socket and no shared state.

    What a process dies of concerns its own task only: the task fails with
    PermanentError(DECODER_CRASHED or DECODER_TIMEOUT) and a new process takes its place. A process
    that someone else killed (SIGKILL: the out-of-memory killer picks by size, not by guilt) gives
    its task one more try on a new one.

    Processes start in the background. `decoder` names the function they call
    (`module:function`, signature of `consumer.audio.decode.decode`).
    """

    def __init__(
        self,
        workers: int,
        limits: WorkerLimits,
        decode_limits: DecodeLimits,
        *,
        decoder: str = "consumer.audio.decode:decode",
    ) -> None:
        self._limits = limits
        self._decode_limits = decode_limits
        self._decoder = decoder
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._closing = Event()
        self._failure: FatalError | None = None
        self._processes: dict[int, DecoderProcess] = {}  # by the number of their thread
        self._threads = [
            Thread(target=self._serve, args=(number,), name=f"decode-{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, data: bytes, channel: int | None = None) -> "Future[Waveform]":
        """Decode `data` (see `decode`). The future gives the waveform or one of its errors.

        Besides: PermanentError(DECODER_CRASHED, DECODER_TIMEOUT); TransientError for what `close`
        interrupted (waiting tasks are cancelled); FatalError(WORKER_DIED) if processes cannot
        start at all.
        """
        task = _Task(data, channel)
        if self._failure is not None:
            task.future.set_exception(self._failure)
        elif self._closing.is_set():
            task.future.set_exception(_closed())
        else:
            self._tasks.put(task)
        return task.future

    def alive(self) -> bool:
        """Whether tasks are being worked on: False is the end of the service."""
        return self._failure is None and all(thread.is_alive() for thread in self._threads)

    def pids(self) -> list[int]:
        """Process ids of the decoders that run now."""
        return [process.pid for process in list(self._processes.values()) if process.alive]

    def close(self, deadline_s: float) -> None:
        """Cancel what waits, give what runs `deadline_s` seconds, then end all processes."""
        end = time.monotonic() + deadline_s
        self._closing.set()
        self._abandon(None)
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        for process in list(self._processes.values()):
            process.kill()
        for thread in self._threads:
            thread.join()
        self._abandon(None)  # what was submitted while this began

    def _serve(self, number: int) -> None:
        try:
            self._replace(number)
            while (task := self._tasks.get()) is not None:
                if task.future.set_running_or_notify_cancel():
                    self._run(number, task)
        except FatalError as failure:
            self._failure = failure
            self._abandon(failure)
        finally:
            if number in self._processes:
                self._processes.pop(number).close()

    def _run(self, number: int, task: _Task) -> None:
        try:
            try:
                waveform = self._decode(number, task)
            except WorkerDiedError as death:
                if death.exit_code != -signal.SIGKILL or death.timed_out or self._closing.is_set():
                    raise
                waveform = self._decode(number, task)
        except WorkerDiedError as death:
            task.future.set_exception(self._verdict(death))
            if not self._closing.is_set():
                self._replace(number)
        except FatalError as failure:
            task.future.set_exception(failure)
            raise
        except SpeakerstreamError as error:
            task.future.set_exception(error)
        else:
            task.future.set_result(waveform)

    def _decode(self, number: int, task: _Task) -> Waveform:
        process = self._processes.get(number)
        if process is None or not process.alive:
            process = self._replace(number)
        return process.decode(task.data, task.channel)

    def _verdict(self, death: WorkerDiedError) -> SpeakerstreamError:
        if death.timed_out or death.exit_code == -signal.SIGALRM:
            return PermanentError(
                Reason.DECODER_TIMEOUT, f"decoding took longer than {self._limits.wall_s:g} s"
            )
        if death.exit_code == -signal.SIGXCPU:
            return PermanentError(
                Reason.DECODER_TIMEOUT,
                f"decoding used more than {self._limits.cpu_s:g} s of CPU time",
            )
        if self._closing.is_set():
            return _closed()
        return PermanentError(Reason.DECODER_CRASHED, f"the decoder {death}")

    def _replace(self, number: int) -> DecoderProcess:
        """Start a process for thread `number`. Raises FatalError(WORKER_DIED) if none starts."""
        if number in self._processes:
            self._processes.pop(number).close()
        cause = ""
        for attempt in range(_START_ATTEMPTS):
            if attempt:
                self._closing.wait(_START_PAUSE_S)
            try:
                process = DecoderProcess(self._limits, self._decode_limits, self._decoder)
            except (WorkerDiedError, RuntimeError, OSError) as error:
                cause = str(error)
            else:
                self._processes[number] = process
                return process
        raise FatalError(
            ExitCode.WORKER_DIED,
            f"decoder processes cannot be started ({cause}): give them more memory than "
            f"{self._limits.memory_bytes} bytes, or see that this host allows more processes",
        )

    def _abandon(self, failure: FatalError | None) -> None:
        """Cancel, or fail, every task that waits."""
        while True:
            try:
                task = self._tasks.get_nowait()
            except queue.Empty:
                return
            if task is None:  # the word to end belongs to another thread
                self._tasks.put(None)
                return
            if failure is not None and task.future.set_running_or_notify_cancel():
                task.future.set_exception(failure)
            else:
                task.future.cancel()


def _closed() -> TransientError:
    return TransientError("the decoder pool was closed")
