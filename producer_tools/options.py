"""Options that several commands share; the environment variables are the service's."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from typing import Annotated, NoReturn

import typer
from confluent_kafka import KafkaException

from consumer.errors import Reason, SpeakerstreamError
from consumer.events import Topics
from consumer.inference.results import Models
from consumer.secret_files import table
from producer_tools import brokers
from producer_tools.publisher import PublishError
from schemas.errors import SchemaError
from schemas.registry import ConfluentRegistry

Bootstrap = Annotated[
    str,
    typer.Option(
        envvar="SPEAKERSTREAM_BOOTSTRAP_SERVERS", help="Kafka brokers, host:port, comma-separated"
    ),
]
KafkaProperties = Annotated[
    list[str] | None,
    typer.Option(
        "--kafka",
        metavar="NAME=VALUE",
        help="librdkafka property; may be repeated; wins over SPEAKERSTREAM_KAFKA",
    ),
]
RegistryUrl = Annotated[
    str | None,
    typer.Option(
        envvar="SPEAKERSTREAM_SCHEMA_REGISTRY_URL",
        help="schema registry; none: Avro single-object encoding",
    ),
]
_CHECKPOINT = "path to a .nemo file, hub name, or compact"
Diarizer = Annotated[str, typer.Option(envvar="SPEAKERSTREAM_DIARIZER", help=_CHECKPOINT)]
Embedder = Annotated[str, typer.Option(envvar="SPEAKERSTREAM_EMBEDDER", help=_CHECKPOINT)]
Recordings = Annotated[
    list[str] | None, typer.Option("--recording", help="only of these; may be repeated")
]
Reasons = Annotated[
    list[Reason] | None, typer.Option("--reason", help="only these failures; may be repeated")
]


def counted(number: int, noun: str) -> str:
    """`1 record`, `2 records`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def moment(text: str) -> datetime:
    """A time as ISO 8601 writes it; UTC where it names no zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time like 2026-01-31T13:45") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def topics() -> Topics:
    """The topics' names, where wanted from the service's SPEAKERSTREAM_TOPIC_* variables."""
    found = {
        field.name: os.environ.get(f"SPEAKERSTREAM_TOPIC_{field.name.upper()}")
        for field in fields(Topics)
    }
    return Topics(**{name: topic for name, topic in found.items() if topic})


def kafka(properties: list[str] | None) -> dict[str, str]:
    """The properties of a quiet client: the service's, and over them `NAME=VALUE` options.

    The service's are in SPEAKERSTREAM_KAFKA and the file SPEAKERSTREAM_KAFKA_FILE, so that no
    password need stand on a command line, where every user of the machine sees it.

    Raises:
        ValueError: one of the two is no table.
    """
    pairs = [text.partition("=") for text in properties or []]
    for name, equals, _ in pairs:
        if not (name and equals):
            raise typer.BadParameter(f"{name!r} is no NAME=VALUE", param_hint="--kafka")
    given = table("SPEAKERSTREAM_KAFKA")
    return {**brokers.QUIET, **given, **{name: value for name, _, value in pairs}}


def registry(url: str | None, register: bool = False) -> ConfluentRegistry | None:
    """The registry at a URL, None without one; properties as `kafka` has them.

    Raises:
        ValueError: SPEAKERSTREAM_SCHEMA_REGISTRY or its file is no table.
    """
    if not url:
        return None
    return ConfluentRegistry(url, table("SPEAKERSTREAM_SCHEMA_REGISTRY"), register)


def checkpoints(models: Models) -> str:
    """The line above what a pair of checkpoints said: which ones they are."""
    return f"diarizer {models.diarization}, embedder {models.embedding}"


@contextmanager
def errors_in_a_sentence(
    bootstrap_servers: str | None = None, properties: list[str] | None = None
) -> Iterator[None]:
    """Ends the program with one sentence for the errors a person can do something about.

    Args:
        bootstrap_servers, properties: where and how brokers are asked, if they are.
    """
    try:
        yield
    except KafkaException as error:
        if bootstrap_servers is None:
            fail(f"Kafka: {error.args[0].str()}")
        fail(brokers.sentence(error, bootstrap_servers, kafka(properties)))
    except (
        SpeakerstreamError,
        SchemaError,
        PublishError,
        LookupError,
        OSError,
        ValueError,
    ) as error:
        fail(str(error) or type(error).__name__)


def fail(message: str) -> NoReturn:
    """Print a sentence to standard error and end with exit code 1."""
    print(message, file=sys.stderr)
    raise typer.Exit(1)
