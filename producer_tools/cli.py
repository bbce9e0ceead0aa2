"""The command line `speakerstream`. Commands that need torch import it when they run."""

from pathlib import Path
from typing import Annotated

import typer
from confluent_kafka.admin import AdminClient

from producer_tools import load, options, registering, replay, tail, topics
from producer_tools.diarize import diarize
from producer_tools.evaluate import command as evaluate
from producer_tools.labels import LABELS
from producer_tools.publish import command as publish
from producer_tools.report import command as report

app = typer.Typer(
    help="Tools for both ends of speakerstream.", no_args_is_help=True, add_completion=False
)
app.command("load")(load.command)
app.command("publish")(publish.command)
app.command("replay")(replay.command)
app.command("tail")(tail.command)
app.command("diarize")(diarize)
app.command("evaluate")(evaluate.command)
app.command("report")(report.command)
app.command("schemas")(registering.command)


@app.command("topics")
def topics_command(
    bootstrap_servers: options.Bootstrap,
    create: Annotated[bool, typer.Option("--create", help="create those missing")] = False,
    check: Annotated[bool, typer.Option("--check", help="exit 1 when one is wrong")] = False,
    partitions: Annotated[int, typer.Option(min=1, help="of each topic created")] = 12,
    replication: Annotated[int, typer.Option(min=1, help="copies of each partition")] = 1,
    labels: Annotated[
        bool, typer.Option("--labels", help=f"also {LABELS}, which the reference subscriber writes")
    ] = False,
    kafka: options.KafkaProperties = None,
) -> None:
    """Create the topics, or check that they are as the service needs them."""
    if not (create or check):
        raise typer.BadParameter("say --create, --check or both")
    with options.errors_in_a_sentence(bootstrap_servers, kafka):
        admin = AdminClient({**options.kafka(kafka), "bootstrap.servers": bootstrap_servers})
        named, more = options.topics(), (LABELS,) if labels else ()
        if create:
            created = topics.create(admin, named, topics.Layout(partitions, replication), more)
            for name in topics.names(named, more):
                print(f"{name}: {'created' if name in created else 'was there'}")
        if check:
            if problems := topics.check(admin, named, more):
                options.fail("\n".join(problems))
            print("The topics are as they should be.")


@app.command("demo")
def demo_command(
    bootstrap: Annotated[
        str | None, typer.Option(envvar="BOOTSTRAP", help="a broker to use; none: an embedded one")
    ] = None,
    output: Annotated[Path, typer.Option(help="folder for what is written")] = Path("build/demo"),
) -> None:
    """Turn the sample meeting into speaker events on Kafka, and show them."""
    from producer_tools import demo

    with options.errors_in_a_sentence():
        demo.run(bootstrap or None, output)
