"""`speakerstream-consumer run` and `speakerstream-consumer check`."""

import argparse
import os
import sys
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_settings import CliSettingsSource, SettingsError

from consumer.errors import ExitCode
from consumer.settings import CONFIG_VARIABLE, ENV_PREFIX, Settings
from consumer.telemetry import logs


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the console script and of `python -m consumer`."""
    parser = argparse.ArgumentParser(
        prog="speakerstream-consumer",
        description="Diarize audio chunks from Kafka, exactly once.",
        epilog=f"Every setting is also an environment variable ({ENV_PREFIX}GROUP_ID=...) or a "
        "line of the TOML file named by --config. `run --help` lists them.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("run", "run the service"),
        ("check", "check settings, broker, topics, registry, stores and checkpoints, then exit"),
    ):
        command = commands.add_parser(name, help=text, description=text, add_help=False)
        command.add_argument("--config", metavar="FILE", help="TOML file with settings")
    known, rest = parser.parse_known_args(argv)
    settings = _settings(known.config, rest, f"speakerstream-consumer {known.command}")
    logs.configure(settings.log_level, settings.log_format)
    # Late: what follows imports the Kafka client and, for the models, torch.
    from consumer import check, run

    run.exit_with(run.run(settings) if known.command == "run" else check.check(settings))


def _settings(config: str | None, arguments: list[str], program: str) -> Settings:
    if config is not None:
        os.environ[CONFIG_VARIABLE] = config
    try:
        source = CliSettingsSource[argparse.ArgumentParser](
            Settings, cli_prog_name=program, cli_parse_args=arguments, cli_kebab_case=True
        )
        return Settings(_cli_settings_source=source)  # type: ignore[call-arg]
    except ValidationError as error:
        print("The settings are not usable:", file=sys.stderr)
        for problem in error.errors():
            name = ".".join(str(part) for part in problem["loc"])
            message = problem["msg"].removeprefix("Value error, ")
            where = f"{name} ({ENV_PREFIX}{name.upper()}): " if name else ""
            print(f"- {where}{message}", file=sys.stderr)
    except (SettingsError, OSError, ValueError) as error:
        print(f"The settings cannot be read: {error}", file=sys.stderr)
    sys.exit(ExitCode.SETTINGS)
