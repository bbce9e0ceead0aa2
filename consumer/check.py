"""`speakerstream-consumer check`: is everything there that a run needs? One line per part."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource
from rich.console import Console

from consumer import assembly
from consumer.audio.fetch import Fetcher
from consumer.errors import ExitCode, SpeakerstreamError
from consumer.inference import checkpoints
from consumer.settings import MODEL_ENGINE, Settings

_TIMEOUT_S = 10.0


class _ProblemError(Exception):
    """What is wrong with a part, and what to change."""


def check(settings: Settings) -> ExitCode:
    """Print a line per part; SETTINGS when one of them is not usable."""
    console = Console(highlight=False)
    code = ExitCode.OK
    for part, probe in _parts(settings):
        try:
            with console.status(f"checking {part}"):
                found = probe()
        except (_ProblemError, SpeakerstreamError) as error:
            console.print(f"[red]FAIL[/red] {part}: {error}")
            code = ExitCode.SETTINGS
        else:
            console.print(f"[green]ok[/green]   {part}: {found}")
    return code


def _parts(settings: Settings) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "settings", lambda: "valid"
    brokers = _Brokers(settings)
    yield f"broker {settings.bootstrap_servers}", brokers.reach
    if brokers.reached:
        names = assembly.topics(settings)
        least = {
            names.audio_chunks: 0,
            **dict.fromkeys(names.outputs.values(), settings.max_message_bytes),
            names.dead_letters: settings.max_dead_letter_bytes,
        }
        for name, size in least.items():
            yield f"topic {name}", partial(brokers.topic, name, size)
    if settings.schema_registry_url is not None:
        yield f"registry {settings.schema_registry_url}", partial(_registry, settings)
    yield from _stores(settings)
    if settings.engine != MODEL_ENGINE:
        yield "engine", lambda: f"{settings.engine}, not the models"
    else:
        yield "diarizer", partial(_checkpoint, settings.diarizer, "diarizer")
        yield "embedder", partial(_checkpoint, settings.embedder, "embedder")


class _Brokers:
    """What the cluster says of itself and of the topics."""

    def __init__(self, settings: Settings) -> None:
        options = assembly.client_options(settings)
        self._admin = AdminClient(
            {**options.properties, "bootstrap.servers": options.bootstrap_servers},
            logger=logging.getLogger("librdkafka"),
        )
        self.reached = False

    def reach(self) -> str:
        try:
            brokers = self._admin.list_topics(timeout=_TIMEOUT_S).brokers
        except KafkaException as error:
            raise _ProblemError(
                f"no answer ({error.args[0].str()}); check bootstrap_servers"
            ) from error
        self.reached = True
        return f"{len(brokers)} brokers"

    def topic(self, name: str, least_bytes: int) -> str:
        try:
            topic = self._admin.list_topics(name, timeout=_TIMEOUT_S).topics[name]
            if topic.error is not None:
                raise _ProblemError(
                    f"{topic.error.str()}; create it with `speakerstream topics --create`"
                )
            resource = ConfigResource(ConfigResource.Type.TOPIC, name)
            described = self._admin.describe_configs([resource])[resource]
            config: dict[str, Any] = described.result(_TIMEOUT_S)
        except KafkaException as error:
            raise _ProblemError(error.args[0].str()) from error
        policy = config["cleanup.policy"].value if "cleanup.policy" in config else "delete"
        if "compact" in policy:
            raise _ProblemError(
                f"cleanup.policy={policy} would delete all but one event of a recording, because "
                "the key is the recording: set it to delete"
            )
        largest = config.get("max.message.bytes")
        if largest is not None and int(largest.value) < least_bytes:
            raise _ProblemError(
                f"max.message.bytes={largest.value} is less than the {least_bytes} the service "
                "may send: raise it, or lower max_message_bytes or max_dead_letter_bytes"
            )
        return f"{len(topic.partitions)} partitions, cleanup.policy={policy}"


def _registry(settings: Settings) -> str:
    assembly.codec(settings)
    return "holds today's schemas"


def _stores(settings: Settings) -> Iterator[tuple[str, Callable[[], str]]]:
    if not settings.allowed_prefixes:
        yield "allowed_prefixes", _no_prefixes
        return
    fetcher = assembly.fetcher(settings)
    for prefix in settings.allowed_prefixes:
        yield f"store {prefix}", partial(_reach, fetcher, prefix)


def _reach(fetcher: Fetcher, prefix: str) -> str:
    fetcher.check(prefix)
    return "reachable"


def _no_prefixes() -> str:
    raise _ProblemError("empty: every reference would be refused; name what may be read")


def _checkpoint(name: str, role: checkpoints.Role) -> str:
    found = checkpoints.resolve(name, role)
    licence = found.card.licence or "licence unknown"
    return f"{found.card.name} ({licence}), sha256 {found.sha256[:12]}"
