"""Every setting of the service, validated before anything starts.

Sources, the first wins: command line (`--group-id x`), environment (`SPEAKERSTREAM_GROUP_ID=x`),
a file the environment names (`SPEAKERSTREAM_KAFKA_FILE=/run/secrets/kafka`, for secrets), the TOML
file named by `--config` or `SPEAKERSTREAM_CONFIG`, the default below. Tables are merged.
"""

import os
import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from consumer.audio.decode import DecodeLimits
from consumer.inference.checkpoints import choices
from consumer.inference.options import Device, Precision
from consumer.kafka.clients import OWNED_PROPERTIES
from consumer.secret_files import SecretFiles

ENV_PREFIX = "SPEAKERSTREAM_"

MODEL_ENGINE = "consumer.inference.engine:create"
_BYTES_PER_S = 64_000  # of a decoded waveform: 16 kHz float32

LONGEST_TRANSACTION_S = 60.0
"""The owner loop does nothing else within one call to a broker, and its watchdog waits for 90 s."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0)]


class Settings(BaseSettings):
    """The service's settings."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, frozen=True, extra="forbid", cli_kebab_case=True
    )

    # Kafka
    bootstrap_servers: str = Field(description="Kafka brokers, host:port, comma-separated")
    group_id: str = Field("speakerstream", description="consumer group")
    instance_id: str = Field(
        default_factory=socket.gethostname,
        description="name of this process within the group; set it for a second one on a host",
    )
    start: Literal["earliest", "latest"] | None = Field(
        None, description="where a group without committed offsets begins"
    )
    group_protocol: Literal["classic", "consumer"] = Field(
        "classic", description="'consumer' is KIP-848, for brokers from 4.0"
    )
    kafka: dict[str, str] = Field(
        default_factory=dict, description="librdkafka properties of both clients (JSON)"
    )
    kafka_consumer: dict[str, str] = Field(
        default_factory=dict, description="librdkafka properties of the consumer (JSON)"
    )
    kafka_producer: dict[str, str] = Field(
        default_factory=dict, description="librdkafka properties of the producer (JSON)"
    )
    topic_audio_chunks: str = Field("audio-chunks", description="input topic")
    topic_chunk_results: str = Field("chunk-results", description="one result a chunk")
    topic_speaker_segments: str = Field("speaker-segments", description="one event a segment")
    topic_speaker_fingerprints: str = Field(
        "speaker-fingerprints", description="one event a fingerprint"
    )
    topic_dead_letters: str = Field(
        "audio-chunks.dead-letters", description="input records that cannot be answered"
    )
    max_message_bytes: Count = Field(
        1_000_000,
        description="smallest max.message.bytes of the three topics of events",
    )
    max_dead_letter_bytes: Count = Field(
        2_000_000, description="max.message.bytes of the dead-letter topic"
    )
    schema_registry_url: str | None = Field(
        None, description="Confluent-compatible registry; none: Avro single-object encoding"
    )
    schema_registry: dict[str, str] = Field(
        default_factory=dict, description="further properties of the registry client (JSON)"
    )
    register_schemas: bool = Field(False, description="register today's schemas at start")

    # Delivery
    delivery: Literal["exactly-once", "at-least-once"] = Field(
        "exactly-once",
        description="'at-least-once' is for brokers without transactions: after a failure events "
        "may come twice, with the same ids",
    )
    commit_interval_s: Positive = Field(0.25, description="longest time between transactions")
    transaction_timeout_s: Positive = Field(
        10.0, description="transaction.timeout.ms, in seconds; below 60"
    )
    burst_bytes: Count = Field(4 << 20, description="outputs in one transaction, about")
    drain_timeout_s: Positive = Field(20.0, description="to finish begun work after SIGTERM")
    stall_timeout_s: Positive = Field(
        300.0, description="a head chunk without progress for so long ends the process"
    )

    # Audio
    allowed_prefixes: list[str] = Field(
        default_factory=list,
        description="references outside these are refused, as file:///recordings or s3://bucket",
    )
    allow_private_hosts: bool = Field(
        False, description="let https references resolve to private addresses"
    )
    store_options: dict[str, str] = Field(
        default_factory=dict, description="options of the object stores, as aws_endpoint (JSON)"
    )
    object_grace_s: float = Field(
        300.0,
        ge=0,
        allow_inf_nan=False,
        description="how long after its event a missing object may still appear",
    )
    max_object_bytes: Count = Field(256 << 20, description="larger objects are refused")
    max_chunk_s: Positive = Field(900.0, description="longer audio is refused")
    max_channels: Count = Field(DecodeLimits.max_channels, description="more are refused")
    fetch_threads: Count = Field(8, description="objects fetched at once")
    decode_workers: Count = Field(
        max(1, (os.cpu_count() or 2) // 2), description="decoder processes"
    )
    decode_timeout_s: Positive = Field(60.0, description="wall and CPU time of one decoding")
    decode_memory_bytes: Count = Field(2 << 30, description="address space of a decoder process")

    # Inference
    engine: str = Field(MODEL_ENGINE, description="factory of the engine, module:function")
    diarizer: str = Field("", description="Sortformer checkpoint: path, hub name or 'compact'")
    embedder: str = Field("", description="TitaNet checkpoint: path, hub name or 'compact'")
    device: Device = Field("auto", description="where the models run")
    precision: Precision = Field(
        "fp32", description="fp32: exact to 1e-5 in any batch; auto: bf16 where native"
    )
    threads: Count | None = Field(None, description="torch's threads on the CPU; none: half")
    postprocessing: Path | None = Field(
        None, description="post-processing YAML in NeMo's layout; none: the checkpoint's"
    )
    max_batch_audio_s: Positive = Field(600.0, description="audio in one forward pass, padded")

    # Memory
    window: Count = Field(256, description="records of one partition in flight")
    buffered_bytes: Count = Field(1 << 30, description="objects, waveforms and outputs held")

    # Telemetry
    metrics_port: int = Field(
        9464, ge=0, le=65_535, description="serves /metrics, /livez, /readyz and /info; 0: nothing"
    )
    metrics_host: str = Field(
        "127.0.0.1", description="address of that port; 0.0.0.0 for all interfaces"
    )
    live_poll_s: Positive = Field(60.0, description="/livez: longest time without a poll")
    live_progress_s: Positive = Field(
        240.0, description="/livez: longest time a head chunk makes no progress"
    )
    live_stability_s: Positive = Field(300.0, description="/livez: longest rebalance of the group")

    # Logs
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: console on a terminal, JSON elsewhere"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put secrets and the configuration file between environment and defaults."""
        secrets = SecretFiles(settings_cls, ENV_PREFIX)
        path = os.environ.get(CONFIG_VARIABLE)
        if path and not Path(path).is_file():  # its reader passes over what is not there
            raise SettingsError(f"--config or {CONFIG_VARIABLE} names {path}, which is no file")
        file = [TomlConfigSettingsSource(settings_cls, Path(path))] if path else []
        return (init_settings, env_settings, secrets, *file)

    @field_validator("kafka", "kafka_consumer", "kafka_producer")
    @classmethod
    def _leave_owned_properties(
        cls, properties: dict[str, str], info: ValidationInfo
    ) -> dict[str, str]:
        owned = sorted(OWNED_PROPERTIES & properties.keys())
        if owned:
            raise ValueError(
                f"{', '.join(owned)}: the delivery promise depends on it, so it is not yours to "
                f"set here; remove it from {info.field_name} (where there is a setting for it, "
                "use that: bootstrap_servers, group_id, instance_id, group_protocol, start, "
                "transaction_timeout_s, max_dead_letter_bytes)"
            )
        return properties

    @field_validator("transaction_timeout_s")
    @classmethod
    def _outlive_transactions(cls, seconds: float) -> float:
        if seconds >= LONGEST_TRANSACTION_S:
            raise ValueError(
                f"transaction_timeout_s={seconds:g} is too long: nothing is polled while a broker "
                "is waited for, and a process that does not poll for so long is taken for dead; "
                f"set it below {LONGEST_TRANSACTION_S:g}"
            )
        return seconds

    @model_validator(mode="after")
    def _need_checkpoints(self) -> "Settings":
        if self.engine != MODEL_ENGINE:
            return self
        for role in ("diarizer", "embedder"):
            if not getattr(self, role):
                raise ValueError(
                    f"{role} is not set: name a checkpoint "
                    f"({ENV_PREFIX}{role.upper()}=...). The choices and their licences:\n"
                    f"{choices(role)}"
                )
        return self

    @model_validator(mode="after")
    def _fit_one_chunk(self) -> "Settings":
        largest = self.max_object_bytes + int(self.max_chunk_s * _BYTES_PER_S)
        if self.buffered_bytes < largest:
            raise ValueError(
                f"buffered_bytes={self.buffered_bytes} cannot hold one chunk of the largest size "
                f"allowed ({largest} bytes): raise it, or lower max_object_bytes or max_chunk_s"
            )
        return self


CONFIG_VARIABLE = f"{ENV_PREFIX}CONFIG"
