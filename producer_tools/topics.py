"""The topics of an installation: creating them, and checking those that exist."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from consumer.events import Topics

T = TypeVar("T")

_TIMEOUT_S = 30.0
_REACH_S = 10.0
_METADATA_PAUSE_S = 0.05
DEAD_LETTER_BYTES = 2_097_152  # twice Kafka's default for the input, for our headers


@dataclass(frozen=True, slots=True)
class Layout:
    """How topics are created."""

    partitions: int = 12
    replication: int = 1


def names(topics: Topics, more: Sequence[str] = ()) -> tuple[str, ...]:
    """All topics: the input, the three outputs, the dead letters, and `more` of subscribers."""
    return (topics.audio_chunks, *topics.outputs.values(), topics.dead_letters, *more)


def wanted(topics: Topics, layout: Layout, more: Sequence[str] = ()) -> list[NewTopic]:
    """What `create` asks for."""
    # The key is the recording: compaction would keep one event of each recording.
    common = {"cleanup.policy": "delete"}
    # A dead letter is kept until somebody has looked at it, and must hold any input record.
    dead = {**common, "retention.ms": "-1", "max.message.bytes": str(DEAD_LETTER_BYTES)}
    return [
        NewTopic(
            name,
            num_partitions=layout.partitions,
            replication_factor=layout.replication,
            config=dead if name == topics.dead_letters else common,
        )
        for name in names(topics, more)
    ]


def create(
    admin: AdminClient, topics: Topics, layout: Layout, more: Sequence[str] = ()
) -> list[str]:
    """Create the topics that do not exist; returns the names of those created.

    Raises:
        confluent_kafka.KafkaException: a topic cannot be created, or no broker answers.
        LookupError: a created topic stays unknown to the brokers.
    """
    admin.list_topics(timeout=_REACH_S)  # says sooner that nobody is there
    created = []
    for name, future in admin.create_topics(
        wanted(topics, layout, more), operation_timeout=_TIMEOUT_S
    ).items():
        try:
            _answer(future)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
        else:
            created.append(name)
    _wait_until_known(admin, names(topics, more))
    return created


def _wait_until_known(admin: AdminClient, expected: Sequence[str]) -> None:
    """A created topic reaches the brokers' metadata a little later; until then it is "unknown"."""
    deadline = time.monotonic() + _TIMEOUT_S
    while missing := set(expected) - admin.list_topics(timeout=_TIMEOUT_S).topics.keys():
        if time.monotonic() > deadline:
            raise LookupError(f"created, but unknown after {_TIMEOUT_S:g} s: {sorted(missing)}")
        time.sleep(_METADATA_PAUSE_S)


def check(admin: AdminClient, topics: Topics, more: Sequence[str] = ()) -> list[str]:
    """What is wrong with the topics, one sentence each; empty when all is well.

    Raises:
        confluent_kafka.KafkaException: the brokers cannot be reached.
    """
    existing = admin.list_topics(timeout=_REACH_S).topics
    problems = [
        f"{name} does not exist: run `speakerstream topics --create`"
        for name in names(topics, more)
        if name not in existing
    ]
    present = [name for name in names(topics, more) if name in existing]
    configs = _configs(admin, present)
    for name in present:
        if "compact" in configs[name].get("cleanup.policy", "delete"):
            problems.append(
                f"{name} is compacted, which would keep one event per recording: "
                "set cleanup.policy=delete"
            )
    if topics.dead_letters in configs:
        problems += _dead_letter_problems(topics, configs)
    return problems


def _dead_letter_problems(topics: Topics, configs: Mapping[str, Mapping[str, str]]) -> list[str]:
    problems = []
    dead = configs[topics.dead_letters]
    if dead.get("retention.ms", "-1") != "-1":
        problems.append(
            f"{topics.dead_letters} forgets dead letters after {dead['retention.ms']} ms: "
            "set retention.ms=-1"
        )
    taken = configs.get(topics.audio_chunks, {}).get("max.message.bytes")
    limit = dead.get("max.message.bytes")
    if taken is not None and limit is not None and int(limit) <= int(taken):
        problems.append(
            f"{topics.dead_letters} takes {limit} bytes and {topics.audio_chunks} {taken}: a dead "
            "letter is larger than its record, so set max.message.bytes above that"
        )
    return problems


def _configs(admin: AdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    answers = admin.describe_configs(resources, request_timeout=_TIMEOUT_S)
    return {
        resource.name: {name: entry.value for name, entry in _answer(future).items()}
        for resource, future in answers.items()
    }


def _answer(future: Future[T]) -> T:
    try:
        return future.result(_TIMEOUT_S)
    except TimeoutError:  # it has no text
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT)) from None
