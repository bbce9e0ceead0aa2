"""From settings to a running service: which part is given to which."""

import importlib
import os
from dataclasses import dataclass
from importlib.metadata import version

from confluent_kafka import Consumer
from prometheus_client import disable_created_metrics

from consumer.audio.decode import DecodeLimits
from consumer.audio.fetch import Fetcher, FetchLimits
from consumer.audio.pool import DecodePool, WorkerLimits
from consumer.audio.reference import AllowList
from consumer.commits import Commits
from consumer.errors import ExitCode, FatalError, TransientError
from consumer.events import EventWriter, Topics
from consumer.inference.options import EngineOptions
from consumer.inference.results import Engine
from consumer.kafka import clients
from consumer.kafka.at_least_once import AtLeastOnce
from consumer.kafka.ends import Ends
from consumer.kafka.offsets import Offsets
from consumer.kafka.source import Source
from consumer.kafka.transaction import BurstTransaction, Committer
from consumer.pipeline.pipeline import Pipeline
from consumer.pipeline.seams import Limits
from consumer.service import Service, suspects_window
from consumer.service_options import ServiceOptions
from consumer.settings import Settings
from consumer.telemetry import tracing
from consumer.telemetry.health import Deadlines
from consumer.telemetry.metrics import Metrics
from consumer.telemetry.telemetry import Telemetry
from consumer.telemetry.watched import WatchedCommitter, WatchedRegistry, counting_losses
from schemas.codec import Decoder, Encoder
from schemas.errors import RegistryUnavailableError, UnknownSchemaError
from schemas.registry import ConfluentRegistry, RegistryClient

_REVOKE_LONGEST_S = 10.0
_REVOKE_SHARE = 0.2  # of max.poll.interval: beyond that the group would evict this member


@dataclass(frozen=True)
class Assembly:
    """The service and what must be closed after it."""

    service: Service
    consumer: Consumer
    pipeline: Pipeline
    engine: Engine
    committer: Committer


def topics(settings: Settings) -> Topics:
    """The topics' names."""
    return Topics(
        audio_chunks=settings.topic_audio_chunks,
        chunk_results=settings.topic_chunk_results,
        speaker_segments=settings.topic_speaker_segments,
        speaker_fingerprints=settings.topic_speaker_fingerprints,
        dead_letters=settings.topic_dead_letters,
    )


def client_options(settings: Settings) -> clients.ClientOptions:
    """How to reach Kafka."""
    return clients.ClientOptions(
        bootstrap_servers=settings.bootstrap_servers,
        group_id=settings.group_id,
        instance_id=settings.instance_id,
        group_protocol=settings.group_protocol,
        transactional=settings.delivery == "exactly-once",
        transaction_timeout_s=settings.transaction_timeout_s,
        max_message_bytes=max(settings.max_message_bytes, settings.max_dead_letter_bytes),
        max_batch_bytes=min(settings.max_message_bytes, settings.max_dead_letter_bytes),
        properties=settings.kafka,
        consumer_properties=settings.kafka_consumer,
        producer_properties=settings.kafka_producer,
    )


def engine(settings: Settings) -> Engine:
    """The engine named by its import path.

    Raises FatalError: the path leads nowhere, or a checkpoint cannot be had.
    """
    module_name, _, function = settings.engine.partition(":")
    try:
        create = getattr(importlib.import_module(module_name), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise FatalError(
            ExitCode.SETTINGS, f"engine={settings.engine} is no module:function here: {error}"
        ) from error
    made: Engine = create(
        EngineOptions(
            diarizer=settings.diarizer,
            embedder=settings.embedder,
            device=settings.device,
            precision=settings.precision,
            threads=settings.threads,
            postprocessing=settings.postprocessing,
            max_batch_audio_s=settings.max_batch_audio_s,
        )
    )
    return made


def fetcher(settings: Settings) -> Fetcher:
    """Reads objects within the allow-list."""
    return Fetcher(
        FetchLimits(max_bytes=settings.max_object_bytes),
        AllowList(tuple(settings.allowed_prefixes), settings.allow_private_hosts),
        settings.store_options,
    )


def decode_pool(settings: Settings) -> DecodePool:
    """Decoder processes under limits."""
    return DecodePool(
        settings.decode_workers,
        WorkerLimits(
            cpu_s=settings.decode_timeout_s,
            wall_s=settings.decode_timeout_s,
            memory_bytes=settings.decode_memory_bytes,
        ),
        DecodeLimits(max_duration_s=settings.max_chunk_s, max_channels=settings.max_channels),
    )


def codec(settings: Settings, metrics: Metrics | None = None) -> tuple[Decoder, Encoder]:
    """Reader of input events and writer of output events; `metrics` count the registry's answers.

    Raises TransientError while the registry is away, FatalError when it lacks today's schemas.
    """
    if settings.schema_registry_url is None:
        return Decoder(), Encoder()
    registry: RegistryClient = ConfluentRegistry(
        settings.schema_registry_url, settings.schema_registry, settings.register_schemas
    )
    if metrics is not None:
        registry = WatchedRegistry(registry, metrics)
    try:
        return Decoder(registry), Encoder(registry, topics(settings).outputs)
    except RegistryUnavailableError as error:
        raise TransientError(str(error)) from error
    except UnknownSchemaError as error:
        raise FatalError(ExitCode.SETTINGS, str(error)) from error


def telemetry(settings: Settings) -> Telemetry:
    """Metrics, health, logs and (where OpenTelemetry's variables ask for it) traces.

    Raises FatalError for a trace exporter that is not built in.
    """
    # They would be a second series for each, and no query here needs them.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    made = Telemetry(
        topics(settings),
        Deadlines(settings.live_poll_s, settings.live_progress_s, settings.live_stability_s),
        tracing.from_environment(os.environ, settings.group_id),
    )
    made.limits(
        max_poll_interval_s=client_options(settings).max_poll_interval_s,
        buffered_bytes=settings.buffered_bytes,
    )
    return made


def assemble(settings: Settings, telemetry: Telemetry) -> Assembly:
    """Build everything, models loaded; nothing is polled yet."""
    decoder_in, encoder = codec(settings, telemetry.metrics)
    brain = engine(settings)
    events = EventWriter(
        encoder,
        topics(settings),
        brain.models,
        version("speakerstream"),
        settings.max_message_bytes,
        settings.max_dead_letter_bytes,
    )
    pipeline = Pipeline(
        codec_in=decoder_in,
        fetcher=fetcher(settings),
        decoder=decode_pool(settings),
        engine=brain,
        events=events,
        limits=Limits(
            fetch_threads=settings.fetch_threads,
            buffered_bytes=settings.buffered_bytes,
            object_bytes=settings.max_object_bytes,
            chunk_s=settings.max_chunk_s,
            batch_audio_s=settings.max_batch_audio_s,
            object_grace_s=settings.object_grace_s,
        ),
        watch=telemetry,
    )
    options = client_options(settings)
    service_options = ServiceOptions(
        window=settings.window,
        buffered_bytes=settings.buffered_bytes,
        commit_interval_s=settings.commit_interval_s,
        burst_bytes=settings.burst_bytes,
        transaction_timeout_s=settings.transaction_timeout_s,
        revoke_timeout_s=min(_REVOKE_LONGEST_S, _REVOKE_SHARE * options.max_poll_interval_s),
        drain_timeout_s=settings.drain_timeout_s,
        stall_timeout_s=settings.stall_timeout_s,
    )
    consumer = clients.consumer(options, telemetry.health.on_statistics)
    offsets = Offsets(suspects_window(service_options))
    committer = _committer(settings, options, consumer, offsets, telemetry.metrics)
    commits = Commits(offsets, committer, pipeline, service_options, telemetry)
    service = Service(offsets, commits, pipeline, service_options, telemetry)
    service.attach(
        Source(
            consumer,
            settings.topic_audio_chunks,
            offsets,
            start=settings.start,
            on_revoke=service.revoke,
            on_lost=service.lose,
            go_on=service.wait_on,
            watch=telemetry,
            ends=Ends(lambda: clients.admin(options), settings.topic_audio_chunks),
        )
    )
    return Assembly(service, consumer, pipeline, brain, committer)


def _committer(
    settings: Settings,
    options: clients.ClientOptions,
    consumer: Consumer,
    offsets: Offsets,
    metrics: Metrics,
) -> Committer:
    topic = settings.topic_audio_chunks
    if settings.delivery == "at-least-once":
        plain = AtLeastOnce(clients.producer(options), consumer, topic, offsets.owns)
        return WatchedCommitter(plain, metrics)
    burst = BurstTransaction(
        counting_losses(lambda: clients.producer(options), metrics),
        consumer,
        topic,
        offsets.owns,
        options.transaction_timeout_s,
    )
    return WatchedCommitter(burst, metrics)
