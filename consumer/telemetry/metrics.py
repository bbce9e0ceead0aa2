"""What the service counts; what each metric means is in `README.md` beside this file.

One object holds them all, in a registry of its own: nothing is global. Label values come from
closed lists and their series exist from the start, so that a first failure is a rise from zero.
"""

from collections.abc import Iterable
from importlib.metadata import version
from platform import python_version
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
)

from consumer.errors import Reason
from consumer.inference.results import Models
from consumer.pipeline.job import Stage
from consumer.telemetry import device
from consumer.telemetry.tally import Tally

PREFIX = "speakerstream"

Activity = Literal["poll", "start", "collect", "commit", "rebalance", "limits"]

OUTCOMES = ("diarized", "failed")
REBALANCES = ("assigned", "revoked", "lost")
TRANSACTION_RESULTS = ("committed", "aborted", "delayed", "lost", "fenced", "fatal")
REGISTRY_ANSWERS = ("found", "unknown", "unavailable")
ACTIVITIES: tuple[Activity, ...] = ("poll", "start", "collect", "commit", "rebalance", "limits")
INFRASTRUCTURE = "infrastructure"  # a retry that is no single object's fault

# Wide rather than fine: a chunk takes milliseconds on a GPU and a minute on a busy laptop. What was
# measured to choose them is in README.md.
_DURATIONS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_BROKER_CALLS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
_LATENCIES = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_POLLS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_TENTHS = tuple(n / 10 for n in range(1, 11))
_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
_SPEAKERS = tuple(range(9))  # published diarizers tell four or eight apart


class Metrics:
    """Counters and histograms, fed as things happen, from any thread."""

    def __init__(self, output_topics: Iterable[str]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        count, spread = self._counter, self._histogram
        self.records = count("records_consumed", "Input records polled")
        self.chunks = count("chunks", "Chunks answered", "outcome", OUTCOMES)
        self.events = count("events_published", "Events committed", "topic", output_topics)
        self.dead_letters = count("dead_letters", "Dead letters committed", "reason", Reason)
        self.misplaced = count("key_mismatches", "Records whose key is not their recording_id")
        self.retries = count("retries", "Tries put off", "cause", (INFRASTRUCTURE, *Reason))
        self.rebalances = count("rebalances", "Changes of the assignment", "kind", REBALANCES)
        self.client_errors = count("kafka_client_errors", "Errors of the Kafka client", "error")
        self.transactions = count(
            "transactions", "Ends of transactions", "result", TRANSACTION_RESULTS
        )
        self.fetched = count("fetched_bytes", "Bytes of audio objects fetched")
        self.audio = count("audio_seconds", "Seconds of audio diarized")
        self.owner = count("owner_seconds", "Time of the owner loop", "activity", ACTIVITIES)
        self.polls = spread("poll_interval_seconds", "Time between polls", _POLLS)
        self.stages = spread(
            "stage_duration_seconds", "Time of a chunk in a stage", _DURATIONS, "stage", Stage
        )
        self.batch_chunks = spread("batch_chunks", "Chunks in a forward pass", _BATCHES)
        self.batch_fill = spread("batch_fill_ratio", "Audio in a batch by its limit", _TENTHS)
        self.batch_seconds = spread("batch_duration_seconds", "Time of a batch", _DURATIONS)
        self.transaction_seconds = spread(
            "transaction_duration_seconds", "Time of a transaction's calls", _BROKER_CALLS
        )
        self.latency = spread(
            "end_to_end_latency_seconds", "From the record's timestamp to its commit", _LATENCIES
        )
        self.revocations = spread(
            "revoke_duration_seconds", "Time to give partitions up", _BROKER_CALLS
        )
        self.registry_seconds = spread(
            "registry_request_duration_seconds",
            "Time of a question to the schema registry",
            _BROKER_CALLS,
            "answer",
            REGISTRY_ANSWERS,
        )
        self.confidence = Tally(
            f"{PREFIX}_segment_confidence", "Confidence of segments", self.registry, _TENTHS
        )
        self.speakers = spread("chunk_speakers", "Speakers found in a chunk", _SPEAKERS)
        self.real_time_factor = self.gauge(
            "real_time_factor", "Seconds of audio diarized in a second, in the last batch"
        )
        self.device_memory = self.gauge("device_memory_bytes", "GPU memory held")
        self.ready = self.gauge("ready", "Whether /readyz says yes")
        self._info("build", "Versions").info(
            {"version": version("speakerstream"), "python": python_version()}
        )

    def describe(self, models: Models) -> None:
        """The models are loaded."""
        # Not before: a scrape would meet a half-imported torch.
        self.device_memory.set_function(device.memory_bytes)
        self._info("model", "The checkpoints in use").info(
            {
                "diarization": models.diarization,
                "embedding": models.embedding,
                "diarization_sha256": models.diarization_sha256,
                "embedding_sha256": models.embedding_sha256,
            }
        )

    def gauge(self, name: str, text: str, value: float | None = None) -> Gauge:
        """A further gauge; `value` for a constant."""
        made = Gauge(name, text, namespace=PREFIX, registry=self.registry)
        if value is not None:
            made.set(value)
        return made

    def _counter(
        self, name: str, text: str, label: str | None = None, values: Iterable[str] = ()
    ) -> Counter:
        labels = [label] if label else []
        made = Counter(name, text, labels, namespace=PREFIX, registry=self.registry)
        for value in values:
            made.labels(value)
        return made

    def _histogram(
        self,
        name: str,
        text: str,
        buckets: Iterable[float],
        label: str | None = None,
        values: Iterable[str] = (),
    ) -> Histogram:
        made = Histogram(
            name,
            text,
            [label] if label else [],
            namespace=PREFIX,
            registry=self.registry,
            buckets=tuple(buckets),
        )
        for value in values:
            made.labels(value)
        return made

    def _info(self, name: str, text: str) -> Info:
        return Info(name, text, namespace=PREFIX, registry=self.registry)
