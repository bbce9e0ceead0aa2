"""`speakerstream schemas`: the event schemas and a schema registry."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from producer_tools import options
from schemas import catalogue
from schemas.codec import subject
from schemas.records import EVENTS, AudioChunk, Record

_NAMES = [record.avro_name for record in EVENTS]


def _event(name: str) -> str:
    if name not in _NAMES:
        raise typer.BadParameter(f"{name!r}: choose from {', '.join(_NAMES)}")
    return name


def command(
    schema_registry_url: options.RegistryUrl = None,
    register: Annotated[
        bool, typer.Option("--register", help="register what is missing, as FULL_TRANSITIVE")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="exit 1 when today's schemas do not fit the registered")
    ] = False,
    show: Annotated[
        str | None,
        typer.Option(parser=_event, metavar="|".join(_NAMES), help="print a schema, nothing else"),
    ] = None,
) -> None:
    """Show the event schemas and their ids in a registry; register them; check they fit."""
    if show is not None:
        print(catalogue.text(show))
        return
    with options.errors_in_a_sentence():
        if (register or check) and not schema_registry_url:
            raise ValueError("give --schema-registry-url")
        registry = options.registry(schema_registry_url)
        named = options.topics()
        owners: dict[type[Record], str] = {AudioChunk: named.audio_chunks, **named.outputs}
        table = Table("record", "versions", "fingerprint", "subject", "id")
        problems = []
        for record, topic in owners.items():
            name, text = record.avro_name, catalogue.text(record.avro_name)
            found = ""
            if registry is not None and check:
                problems += registry.problems(subject(topic), text)
            elif registry is not None:
                ask = registry.register if register else registry.id_of
                found = str(ask(subject(topic), text))
            table.add_row(
                name,
                str(len(catalogue.versions(name))),
                catalogue.fingerprint_of(name)[::-1].hex(),
                subject(topic),
                found,
            )
        if problems:
            options.fail("\n".join(problems))
        if check:
            print("Today's schemas fit those in the registry.")
        else:
            Console(width=None if Console().is_terminal else 200).print(table)
