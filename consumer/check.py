"""`speakerstream-consumer check`: is everything there that a run needs? One line per part."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import Enum
from functools import partial
from typing import Any

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclOperation,
    AdminClient,
    ConfigResource,
    ConsumerGroupDescription,
)
from rich.console import Console
from rich.markup import escape

from consumer import assembly, credentials
from consumer.audio.fetch import Fetcher
from consumer.errors import ExitCode, SpeakerstreamError
from consumer.inference import checkpoints
from consumer.kafka.patience import ask
from consumer.settings import MODEL_ENGINE, Settings

_TIMEOUT_S = 10.0
_READ = AclOperation.READ


class _ProblemError(Exception):
    """What is wrong with a part, and what to change."""


def check(settings: Settings) -> ExitCode:
    """Print a line per part; SETTINGS when one of them is not usable."""
    console = Console(highlight=False, soft_wrap=True)
    code = ExitCode.OK
    for part, probe in _parts(settings):
        try:
            with console.status(f"checking {part}"):
                found = probe()
        except (_ProblemError, SpeakerstreamError) as error:
            console.print(f"[red]FAIL[/red] {escape(f'{part}: {error}')}")
            code = ExitCode.SETTINGS
        else:
            console.print(f"[green]ok[/green]   {escape(f'{part}: {found}')}")
    return code


def _parts(settings: Settings) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "settings", lambda: "valid"
    brokers = _Brokers(settings)
    yield f"broker {settings.bootstrap_servers}", brokers.reach
    if brokers.reached:
        names = assembly.topics(settings)
        yield f"topic {names.audio_chunks}", partial(brokers.topic, names.audio_chunks, _READ, 0)
        least = {
            **dict.fromkeys(names.outputs.values(), settings.max_message_bytes),
            names.dead_letters: settings.max_dead_letter_bytes,
        }
        for name, size in least.items():
            yield f"topic {name}", partial(brokers.topic, name, AclOperation.WRITE, size)
        yield (
            f"group {settings.group_id}",
            partial(brokers.group, settings.group_id, names.audio_chunks, settings.start),
        )
    if settings.schema_registry_url is not None:
        yield f"registry {settings.schema_registry_url}", partial(_registry, settings)
    yield from _stores(settings)
    if settings.engine != MODEL_ENGINE:
        yield "engine", lambda: f"{settings.engine}, not the models"
    else:
        yield "diarizer", partial(_checkpoint, settings.diarizer, "diarizer")
        yield "embedder", partial(_checkpoint, settings.embedder, "embedder")


class _Brokers:
    """What the cluster says of itself, of the topics, and of this principal's rights."""

    def __init__(self, settings: Settings) -> None:
        options = assembly.client_options(settings)
        self._errors: list[KafkaError] = []
        self._config: dict[str, Any] = {
            "log_level": "2",  # below: every try to connect, several a second
            **options.properties,
            "bootstrap.servers": options.bootstrap_servers,
            "error_cb": self._errors.append,
        }
        self._admin: AdminClient
        self._partitions: Mapping[str, Collection[int]] = {}
        self.reached = False

    def reach(self) -> str:
        try:
            self._admin = AdminClient(self._config, logger=logging.getLogger("librdkafka"))
        except KafkaException as error:
            raise _ProblemError(
                f"librdkafka refused the properties in kafka: {error.args[0].str()}"
            ) from error
        try:
            found = self._admin.list_topics(timeout=_TIMEOUT_S)
        except KafkaException as error:
            raise _ProblemError(self._why_not(error.args[0])) from error
        self._partitions = {name: topic.partitions for name, topic in found.topics.items()}
        self.reached = True
        return _counted(len(found.brokers), "broker")

    def _why_not(self, error: KafkaError) -> str:
        self._admin.poll(0)  # delivers what the client has met meanwhile
        for met in self._errors:
            if met.code() == KafkaError._AUTHENTICATION:
                return f"{met.str()}; check the sasl.* properties in kafka"
            if met.code() == KafkaError._SSL:
                return f"{met.str()}; check security.protocol and the ssl.* properties in kafka"
        return f"no answer ({error.str()}); check bootstrap_servers and security.protocol"

    def topic(self, name: str, right: AclOperation, least_bytes: int) -> str:
        try:
            described = self._admin.describe_topics(
                TopicCollection([name]),
                include_authorized_operations=True,
                request_timeout=_TIMEOUT_S,
            )
            topic = described[name].result(_TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise _lacks(right, f"topic {name}") from error
            raise _ProblemError(
                f"{error.args[0].str()}; create it with `speakerstream topics --create`"
            ) from error
        _require(right, f"topic {name}", topic.authorized_operations)
        partitions = _counted(len(topic.partitions), "partition")
        try:
            resource = ConfigResource(ConfigResource.Type.TOPIC, name)
            config: dict[str, Any] = self._admin.describe_configs([resource])[resource].result(
                _TIMEOUT_S
            )
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise _ProblemError(error.args[0].str()) from error
            return (
                f"{partitions}; without DESCRIBE_CONFIGS on it, its "
                "cleanup.policy and max.message.bytes are not checked"
            )
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
        return f"{partitions}, cleanup.policy={policy}"

    def group(self, name: str, topic: str, start: str | None) -> str:
        def question(timeout_s: float) -> ConsumerGroupDescription | None:
            try:
                described = self._admin.describe_consumer_groups(
                    [name], include_authorized_operations=True, request_timeout=timeout_s
                )
                group: ConsumerGroupDescription = described[name].result(timeout_s)
            except KafkaException as error:
                if error.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
                    raise _lacks(_READ, f"group {name}") from error
                if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                    return None
                raise
            return group

        # The first question to a new cluster makes it choose a coordinator, and fails.
        found = ask(question, f"the group {name}", _TIMEOUT_S)
        if found is not None:
            _require(_READ, f"group {name}", found.authorized_operations)
        if start is None:
            self._require_offsets(name, topic)
        if found is None:
            return "new: nothing is committed yet"
        return f"{_counted(len(found.members), 'member')} now"

    def _require_offsets(self, group: str, topic: str) -> None:
        """What a run needs that is not told where to start."""
        wanted = [TopicPartition(topic, each) for each in self._partitions.get(topic, ())]
        if not wanted:
            return  # said of the topic

        def question(timeout_s: float) -> list[TopicPartition]:
            asked = self._admin.list_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(group, wanted)], request_timeout=timeout_s
            )
            try:
                found: list[TopicPartition] = asked[group].result(timeout_s).topic_partitions
            except KafkaException as error:
                if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                    return wanted
                raise
            return found

        offsets = ask(question, f"the offsets of the group {group}", _TIMEOUT_S)
        if missing := sorted(each.partition for each in offsets if each.offset < 0):
            raise _ProblemError(
                f"no offset is committed for {_counted(len(missing), 'partition')} of {topic} "
                f"({', '.join(map(str, missing))}), and start is not set, so that a run would end: "
                "set start=earliest (every chunk still in the topic) or start=latest (only new "
                "ones)"
            )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _require(right: AclOperation, what: str, held: Collection[Enum] | None) -> None:
    # Brokers that know no rights, and groups that do not exist yet, list none.
    if held and right not in held:
        raise _lacks(right, what)


def _lacks(right: AclOperation, what: str) -> _ProblemError:
    return _ProblemError(f"this principal lacks {right.name} on the {what}: grant it")


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
    try:
        fetcher.check(prefix)
    except SpeakerstreamError as error:
        raise _ProblemError(credentials.explained(str(error))) from error
    return "reachable"


def _no_prefixes() -> str:
    raise _ProblemError("empty: every reference would be refused; name what may be read")


def _checkpoint(name: str, role: checkpoints.Role) -> str:
    found = checkpoints.resolve(name, role)
    licence = found.card.licence or "licence unknown"
    return f"{found.card.name} ({licence}), sha256 {found.sha256[:12]}"
