"""Settings: where they come from, and what is refused with which words."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsError

from consumer import cli
from consumer.errors import ExitCode
from consumer.kafka.clients import OWNED_PROPERTIES
from consumer.settings import Settings

NAMED = {"bootstrap_servers": "b:1", "diarizer": "compact", "embedder": "compact"}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPEAKERSTREAM_CONFIG", raising=False)


def test_environment_wins_over_file_and_file_over_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "service.toml"
    file.write_text('group_id = "from-file"\nwindow = 7\n[kafka]\n"security.protocol" = "ssl"\n')
    monkeypatch.setenv("SPEAKERSTREAM_CONFIG", str(file))
    monkeypatch.setenv("SPEAKERSTREAM_GROUP_ID", "from-environment")
    settings = Settings(**NAMED)  # type: ignore[arg-type]
    assert settings.group_id == "from-environment"
    assert settings.window == 7
    assert settings.kafka == {"security.protocol": "ssl"}


def test_a_secret_comes_from_a_file_and_joins_the_rest_of_its_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret, url = tmp_path / "kafka", tmp_path / "url"
    secret.write_text('{"sasl.password": "s3cret"}\n')
    url.write_text("https://registry\n")
    monkeypatch.setenv("SPEAKERSTREAM_KAFKA", '{"sasl.username": "u"}')
    monkeypatch.setenv("SPEAKERSTREAM_KAFKA_FILE", str(secret))
    monkeypatch.setenv("SPEAKERSTREAM_SCHEMA_REGISTRY_URL_FILE", str(url))
    settings = Settings(**NAMED)  # type: ignore[arg-type]
    assert settings.kafka == {"sasl.username": "u", "sasl.password": "s3cret"}
    assert settings.schema_registry_url == "https://registry"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "cannot be read: No such file"), ('{"sasl.password": s3cret', "is no JSON")],
    ids=["missing", "malformed"],
)
def test_a_secret_file_that_cannot_be_used_is_named_and_not_quoted(
    content: str | None, complaint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "kafka"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("SPEAKERSTREAM_KAFKA_FILE", str(file))
    with pytest.raises(SettingsError) as raised:
        Settings(**NAMED)  # type: ignore[arg-type]
    assert f"SPEAKERSTREAM_KAFKA_FILE={file} {complaint}" in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_a_setting_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPEAKERSTREAM_GROUP_ID", "a")
    monkeypatch.setenv("SPEAKERSTREAM_GROUP_ID_FILE", str(tmp_path / "group"))
    with pytest.raises(SettingsError, match="remove one"):
        Settings(**NAMED)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(OWNED_PROPERTIES))
def test_properties_the_delivery_promise_depends_on_are_refused_by_name(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings(**NAMED, kafka_consumer={name: "x"})  # type: ignore[arg-type]


def test_other_properties_pass() -> None:
    assert Settings(**NAMED, kafka={"sasl.mechanism": "PLAIN"}).kafka  # type: ignore[arg-type]


@pytest.mark.parametrize("role", ["diarizer", "embedder"])
def test_an_unset_checkpoint_lists_the_choices_with_licences(role: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Settings(**{**NAMED, role: ""})  # type: ignore[arg-type]
    assert "compact" in str(raised.value)
    assert "CC-BY" in str(raised.value)


def test_memory_must_hold_one_chunk() -> None:
    with pytest.raises(ValidationError, match="buffered_bytes"):
        Settings(**NAMED, buffered_bytes=1000)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["max_chunk_s", "decode_timeout_s", "object_grace_s", "transaction_timeout_s"]
)
def test_what_never_ends_is_no_limit(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings(**NAMED, **{name: "inf"})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["nowhere.toml", "."], ids=["missing", "a folder"])
def test_a_configuration_file_that_is_none_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPEAKERSTREAM_CONFIG", str(tmp_path / name))
    with pytest.raises(SettingsError, match=f"{tmp_path / name}, which is no file"):
        Settings(**NAMED)  # type: ignore[arg-type]


def test_settings_cannot_be_changed_later() -> None:
    settings = Settings(**NAMED)  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        settings.window = 3


@pytest.mark.parametrize("command", ["run", "check"])
def test_help_lists_every_option(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main([command, "--help"])
    assert raised.value.code == 0
    said = capsys.readouterr().out
    assert f"usage: speakerstream-consumer {command} " in said
    assert "--config FILE" in said
    assert "--group-id" in said


@pytest.mark.parametrize(
    ("variable", "value", "form"),
    [
        ("SPEAKERSTREAM_ALLOWED_PREFIXES", "s3://mine", '["s3://recordings"]'),
        ("SPEAKERSTREAM_KAFKA", "sasl.password=s3cret", '{"NAME": "VALUE"}'),
    ],
)
def test_a_variable_that_is_no_json_is_named_with_the_form_to_write(
    variable: str,
    value: str,
    form: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as raised:
        cli.main(["check"])
    assert raised.value.code == ExitCode.SETTINGS
    said = capsys.readouterr().err
    assert f"{variable} is no JSON: write it as {variable}='{form}'" in said
    assert value not in said


def test_command_line_wins_and_a_bad_setting_ends_with_one_sentence_each(tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    file.write_text('bootstrap_servers = "b:1"\nwindow = 7\nno_such_setting = 1\n')
    run = subprocess.run(
        [sys.executable, "-m", "consumer", "run", "--config", str(file), "--window", "0"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert run.returncode == ExitCode.SETTINGS
    assert "window" in run.stderr
    assert "- no_such_setting: there is no such setting\n" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_transaction_that_outlasts_the_watchdog_is_refused() -> None:
    Settings(**NAMED, transaction_timeout_s=59.9)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match=r"transaction_timeout_s=60 .* below 60"):
        Settings(**NAMED, transaction_timeout_s=60)  # type: ignore[arg-type]
