"""`speakerstream replay`: publish dead letters again, once what made them fail is mended."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated

import typer
from confluent_kafka import KafkaError, Message, Producer
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from producer_tools import dead_letters, options
from producer_tools.dead_letters import Choice, DeadLetter
from producer_tools.publisher import OWNED, PublishError

_FLUSH_S = 60.0


def command(
    bootstrap_servers: options.Bootstrap,
    reason: options.Reasons = None,
    recording: options.Recordings = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=options.moment, metavar="TIME", help="written at or after it; UTC, ISO 8601"
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            parser=options.moment, metavar="TIME", help="written before it; UTC, ISO 8601"
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="only show what would be published")
    ] = False,
    rate: Annotated[float, typer.Option(min=0.01, help="most records a second")] = 100.0,
    kafka: options.KafkaProperties = None,
) -> None:
    """Publish dead letters again as they were: same key, value and headers.

    Order: a replayed chunk goes to the end of its partition, so its result comes after those of
    chunks that were published later. Letters of one recording keep their order among each other.
    The ids are the same as before; of several ChunkResults of a chunk the newest counts.

    The letters stay in their topic: replaying again publishes again (the time range helps). A
    record that failed several times is published once. Its timestamp is new, so a missing object
    has its grace time again.
    """
    choice = Choice(
        frozenset(each.value for each in reason or ()), frozenset(recording or ()), since, until
    )
    with options.errors_in_a_sentence(bootstrap_servers, kafka):
        topic = options.topics().dead_letters
        properties = options.kafka(kafka)
        letters = dead_letters.read(bootstrap_servers, topic, properties)
        # All are read before the first is published: one that fails again must not come round.
        with Console(stderr=True).status(f"reading {topic}"):
            chosen = list(dead_letters.distinct(each for each in letters if each in choice))
        whole = [letter for letter in chosen if letter.whole]
        if dry_run:
            Console(width=None if Console().is_terminal else 200).print(_table(chosen))
        else:
            for _ in track(
                publish(bootstrap_servers, whole, rate, properties),
                "replaying",
                total=len(whole),
                console=Console(stderr=True),
                transient=True,
            ):
                pass
        records = options.counted(len(whole), "record")
        print(f"{records} {'would be ' if dry_run else ''}published")
        if missing := [letter for letter in chosen if not letter.whole]:
            places = ", ".join(letter.origin for letter in missing[:10])
            options.fail(
                f"{len(missing)} letters were too large to hold their record, so they cannot be "
                f"replayed: publish those chunks again from where they came. They lay at {places}"
            )


def publish(
    bootstrap_servers: str,
    letters: Sequence[DeadLetter],
    rate: float,
    kafka: Mapping[str, str] | None = None,
) -> Iterator[DeadLetter]:
    """Publish the letters' records, at most `rate` a second; yields each once it is queued.

    Raises:
        PublishError: one did not arrive.
    """
    failed: list[KafkaError] = []

    def delivered(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            failed.append(error)

    producer = Producer({**(kafka or {}), "bootstrap.servers": bootstrap_servers, **OWNED})
    began = time.monotonic()
    for number, letter in enumerate(letters):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        record = letter.record
        while not failed:
            try:
                producer.produce(
                    record.topic,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    on_delivery=delivered,
                )
            except BufferError:  # the brokers are slower than we, or away
                producer.poll(0.1)
            else:
                producer.poll(0)
                break
        if failed:
            break
        yield letter
    waiting = producer.flush(_FLUSH_S)
    if failed or waiting:
        why = failed[0].str() if failed else f"no answer within {_FLUSH_S:.0f} s"
        raise PublishError(
            f"at least {len(failed) + waiting} records were not published: {why}. Replaying again "
            "repeats those that were; their ids stay the same"
        )


def _table(letters: Sequence[DeadLetter]) -> Table:
    table = Table("letter", "written (UTC)", "recording", "reason", "attempts", "was at", "why")
    for letter in letters:
        table.add_row(
            f"{letter.partition}@{letter.offset}",
            f"{letter.written:%Y-%m-%d %H:%M:%S}",
            escape(letter.recording_id),
            letter.reason + ("" if letter.whole else " (record not in the letter)"),
            letter.attempts,
            escape(letter.origin),
            escape(letter.message),
        )
    return table
