"""What the core tells telemetry, in one object."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import structlog

from consumer.events import Topics
from consumer.inference.results import Models
from consumer.kafka.offsets import Burst
from consumer.pipeline.job import Outcome, Stage
from consumer.records import InputRecord, Ticket
from consumer.telemetry import logs
from consumer.telemetry.health import Deadlines, Health
from consumer.telemetry.metrics import Metrics
from consumer.telemetry.outcomes import log_outcome
from consumer.telemetry.owner import OwnerCollector, Pulse, Stopwatch
from consumer.telemetry.tracing import Tracer

log = structlog.get_logger(__name__)


class Telemetry:
    """Metrics, signs of life, logs and traces of one service.

    The methods of the stages (`fetched`, `retried`, `misplaced`, `inferred`) may be called from any
    thread, the others from the owner thread. None of them raises or waits.
    """

    def __init__(self, topics: Topics, deadlines: Deadlines, tracer: Tracer | None = None) -> None:
        self._topics = topics
        self._tracer = tracer
        self.models: Models | None = None
        self.metrics = Metrics((*topics.outputs.values(), topics.dead_letters))
        self._stages = {stage: self.metrics.stages.labels(stage) for stage in Stage}
        self.pulse = Pulse()
        self.health = Health(self.pulse, deadlines)
        self.stopwatch = Stopwatch(self.metrics)
        OwnerCollector(self.pulse, topics.audio_chunks).register(self.metrics.registry)
        self.metrics.ready.set_function(lambda: 0.0 if self.health.ready() else 1.0)

    # -- the process --------------------------------------------------------------------------

    def limits(self, *, max_poll_interval_s: float, buffered_bytes: int) -> None:
        """Limits of the settings, so that rules need not repeat them."""
        gauge = self.metrics.gauge
        gauge(
            "max_poll_interval_seconds", "The group's patience between polls", max_poll_interval_s
        )
        gauge("buffered_bytes_limit", "Limit of buffered_bytes", buffered_bytes)

    def loaded(self, models: Models) -> None:
        """The models are ready to work."""
        self.models = models
        self.metrics.describe(models)
        self.health.loaded = True

    def stops(self) -> None:
        """The process was asked to end. Signal-safe."""
        self.health.stopping = True

    def close(self) -> None:
        """Send the traces that have ended."""
        if self._tracer is not None:
            self._tracer.close()

    # -- the owner loop -----------------------------------------------------------------------

    def polls(self) -> None:
        """A poll is about to begin."""
        if self.pulse.last_poll is not None:
            self.metrics.polls.observe(time.monotonic() - self.pulse.last_poll)
        self.pulse.polled()

    def begins(self, record: InputRecord) -> InputRecord:
        """Work on a record begins: the record, with the trace context its outputs carry."""
        return record if self._tracer is None else replace(record, trace=self._tracer.start(record))

    def answered(self, outcomes: Collection[Outcome]) -> None:
        """Records were answered, each by a result or a dead letter."""
        with logs.together():
            for outcome in outcomes:
                self._answered(outcome)

    def _answered(self, outcome: Outcome) -> None:
        metrics = self.metrics
        trace = self._tracer.finish(outcome) if self._tracer else None
        # From a slow bucket of the histogram to the trace of a chunk in it.
        exemplar = {"trace_id": trace} if trace else None
        metrics.chunks.labels("failed" if outcome.analysis is None else "diarized").inc(1, exemplar)
        for stage, seconds in outcome.seconds.items():
            self._stages[stage].observe(seconds, exemplar)
        if outcome.analysis is not None:
            metrics.audio.inc(outcome.analysis.duration_s)
            metrics.speakers.observe(len(outcome.analysis.speakers_detected))
            metrics.confidence.add(
                segment.confidence
                for segment in outcome.analysis.segments
                if segment.confidence is not None
            )
        log_outcome(outcome, trace)

    def dropped(self, partitions: Collection[int]) -> None:
        """Work on these partitions was given up."""
        if self._tracer is not None:
            self._tracer.drop(partitions)

    def transaction(self, result: str, seconds: float) -> None:
        """A transaction ended, or (`delayed`) its outcome is not known yet."""
        self.metrics.transactions.labels(result).inc()
        self.metrics.transaction_seconds.observe(seconds)

    def committed(self, burst: Burst, timestamps_ms: Iterable[int]) -> None:
        """A burst is public: its outputs, and the timestamps of the records it answers."""
        now = self.pulse.last_commit_at = time.time()
        for topic, events in Counter(output.topic for output in burst.outputs).items():
            self.metrics.events.labels(topic).inc(events)
        for output in burst.outputs:
            if output.topic == self._topics.dead_letters:
                reason = dict(output.headers)["dlq.reason"] or b""  # the last one is ours
                self.metrics.dead_letters.labels(reason.decode()).inc()
        for timestamp_ms in timestamps_ms:
            self.metrics.latency.observe(max(0.0, now - timestamp_ms / 1000))

    # -- the group ----------------------------------------------------------------------------

    def rebalanced(self, kind: str, partitions: Sequence[int]) -> None:
        """The assignment changed."""
        self.metrics.rebalances.labels(kind).inc()

    def client_error(self, name: str) -> None:
        """The Kafka client reported an error that it mends itself. `name` is librdkafka's."""
        self.metrics.client_errors.labels(name).inc()

    # -- the stages ---------------------------------------------------------------------------

    def fetched(self, size: int) -> None:
        """An object of `size` bytes was fetched."""
        self.metrics.fetched.inc(size)

    def retried(self, cause: str) -> None:
        """A try was put off; `cause` is a reason, or `INFRASTRUCTURE`."""
        self.metrics.retries.labels(cause).inc()

    def misplaced(self) -> None:
        """A record's key is not its recording_id."""
        self.metrics.misplaced.inc()

    def inferred(
        self, batch: Sequence[Ticket], audio_s: float, fill: float, seconds: float
    ) -> None:
        """A batch of `audio_s` seconds in all just went through the engine, in `seconds`."""
        self.metrics.batch_chunks.observe(len(batch))
        self.metrics.batch_fill.observe(fill)
        self.metrics.batch_seconds.observe(seconds)
        if seconds > 0:
            self.metrics.real_time_factor.set(audio_s / seconds)
        if self._tracer is not None:
            self._tracer.batch(batch, audio_s, seconds)
