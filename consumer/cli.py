"""`speakerstream-consumer run` and `speakerstream-consumer check`."""

import argparse
import os
import re
import sys
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_settings import CliSettingsSource, SettingsError

from consumer.errors import ExitCode
from consumer.secret_files import no_json
from consumer.settings import CONFIG_VARIABLE, ENV_PREFIX, Settings
from consumer.telemetry import logs

_EVERY_SETTING = (
    f"Every setting is also an environment variable ({ENV_PREFIX}GROUP_ID=...) or a line of the "
    "TOML file named by --config."
)
_COMMANDS = {
    "run": "run the service",
    "check": "check settings, broker, topics, registry, stores and checkpoints, then exit",
}
# How pydantic-settings says that a variable is no JSON.
_NO_JSON = re.compile(r'error parsing value for field "(\w+)" from source "EnvSettingsSource"')


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the console script and of `python -m consumer`."""
    parser = argparse.ArgumentParser(
        prog="speakerstream-consumer",
        description="Diarize audio chunks from Kafka, exactly once.",
        epilog=f"{_EVERY_SETTING} `run --help` lists them.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in _COMMANDS.items():
        _add_config(commands.add_parser(name, help=text, add_help=False), None)
    known, rest = parser.parse_known_args(argv)
    settings = _settings(known.config, rest, known.command)
    logs.configure(settings.log_level, settings.log_format)
    # Late: what follows imports the Kafka client and, for the models, torch.
    from consumer import check, run

    run.exit_with(run.run(settings) if known.command == "run" else check.check(settings))


def _add_config(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument("--config", metavar="FILE", help="TOML file with settings", default=default)


def _settings(config: str | None, arguments: list[str], command: str) -> Settings:
    parser = argparse.ArgumentParser(
        prog=f"speakerstream-consumer {command}",
        description=_COMMANDS[command],
        epilog=_EVERY_SETTING,
        allow_abbrev=False,
    )
    _add_config(parser, argparse.SUPPRESS)  # for --help: it is taken from the arguments already
    if config is not None:
        os.environ[CONFIG_VARIABLE] = config
    try:
        source = CliSettingsSource[argparse.ArgumentParser](
            Settings, root_parser=parser, cli_parse_args=arguments, cli_kebab_case=True
        )
        return Settings(_cli_settings_source=source)  # type: ignore[call-arg]
    except ValidationError as error:
        print("The settings are not usable:", file=sys.stderr)
        for problem in error.errors():
            name = ".".join(str(part) for part in problem["loc"])
            if problem["type"] == "extra_forbidden":
                print(f"- {name}: there is no such setting", file=sys.stderr)
                continue
            message = problem["msg"].removeprefix("Value error, ")
            where = f"{name} ({ENV_PREFIX}{name.upper()}): " if name else ""
            print(f"- {where}{message}", file=sys.stderr)
    except (SettingsError, OSError, ValueError) as error:
        print(f"The settings cannot be read: {_why(error)}", file=sys.stderr)
    sys.exit(ExitCode.SETTINGS)


def _why(error: Exception) -> str:
    found = _NO_JSON.fullmatch(str(error))
    if found is None:
        return str(error)
    field = Settings.model_fields[found[1]]
    return no_json(f"{ENV_PREFIX}{found[1].upper()}", field.annotation)
