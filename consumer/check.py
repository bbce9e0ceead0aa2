"""`speakerstream-consumer check`: is everything there that a run needs? One line per part."""

from collections.abc import Callable, Iterator
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource  # type: ignore[attr-defined]
from rich.console import Console

from consumer import assembly
from consumer.errors import ExitCode, SpeakerstreamError
from consumer.inference import checkpoints
from consumer.settings import MODEL_ENGINE, Settings

_TIMEOUT_S = 10.0


class _ProblemError(Exception):
    """What is wrong with a part, and what to change."""


def check(settings: Settings) -> ExitCode:
    """Print a line per part; SETTINGS when one of them is not usable."""
    console = Console()
    code = ExitCode.OK
    for part, probe in _parts(settings):
        try:
            with console.status(f"checking {part}"):
                found = probe()
        except (_ProblemError, SpeakerstreamError) as error:
            console.print(f"[red]FAIL[/red] {part}: {error}", highlight=False)
            code = ExitCode.SETTINGS
        else:
            console.print(f"[green]ok[/green]   {part}: {found}", highlight=False)
    return code


def _parts(settings: Settings) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "settings", lambda: "valid"
    options = assembly.client_options(settings)
    admin = AdminClient({**options.properties, "bootstrap.servers": options.bootstrap_servers})
    yield f"broker {settings.bootstrap_servers}", lambda: _broker(admin)
    names = assembly.topics(settings)
    yield f"topic {names.audio_chunks}", lambda: _topic(admin, names.audio_chunks, 0)
    for name in names.outputs.values():
        least = settings.max_message_bytes
        yield f"topic {name}", lambda name=name, least=least: _topic(admin, name, least)  # type: ignore[misc]
    yield (
        f"topic {names.dead_letters}",
        lambda: _topic(admin, names.dead_letters, settings.max_dead_letter_bytes),
    )
    if settings.schema_registry_url is not None:
        yield f"registry {settings.schema_registry_url}", lambda: _registry(settings)
    yield from _stores(settings)
    if settings.engine != MODEL_ENGINE:
        yield "engine", lambda: f"{settings.engine}, not the models"
    else:
        yield "diarizer", lambda: _checkpoint(settings.diarizer, "diarizer")
        yield "embedder", lambda: _checkpoint(settings.embedder, "embedder")


def _broker(admin: AdminClient) -> str:
    try:
        return f"{len(admin.list_topics(timeout=_TIMEOUT_S).brokers)} brokers"
    except KafkaException as error:
        raise _ProblemError(
            f"no answer ({error.args[0].str()}); check bootstrap_servers"
        ) from error


def _topic(admin: AdminClient, name: str, least_bytes: int) -> str:
    try:
        topic = admin.list_topics(name, timeout=_TIMEOUT_S).topics[name]
        if topic.error is not None:
            raise _ProblemError(
                f"{topic.error.str()}; create it with `speakerstream topics --create`"
            )
        resource = ConfigResource(ConfigResource.Type.TOPIC, name)
        config: dict[str, Any] = admin.describe_configs([resource])[resource].result(_TIMEOUT_S)
    except KafkaException as error:
        raise _ProblemError(error.args[0].str()) from error
    policy = config["cleanup.policy"].value if "cleanup.policy" in config else "delete"
    if "compact" in policy:
        raise _ProblemError(
            f"cleanup.policy={policy} would delete all but one event of a recording, because the "
            "key is the recording: set it to delete"
        )
    largest = config.get("max.message.bytes")
    if largest is not None and int(largest.value) < least_bytes:
        raise _ProblemError(
            f"max.message.bytes={largest.value} is less than the {least_bytes} the service may "
            "send: raise it, or lower max_message_bytes or max_dead_letter_bytes"
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

        def reach(prefix: str = prefix) -> str:
            fetcher.check(prefix)
            return "reachable"

        yield f"store {prefix}", reach


def _no_prefixes() -> str:
    raise _ProblemError("empty: every reference would be refused; name what may be read")


def _checkpoint(name: str, role: checkpoints.Role) -> str:
    found = checkpoints.resolve(name, role)
    licence = found.card.licence or "licence unknown"
    return f"{found.card.name} ({licence}), sha256 {found.sha256[:12]}"
