"""What commands take from the service's variables."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from producer_tools import options
from producer_tools.cli import app


def test_properties_come_from_a_file_then_a_variable_then_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "kafka"
    secret.write_text('{"sasl.password": "s3cret", "sasl.username": "f", "client.id": "f"}\n')
    monkeypatch.setenv("SPEAKERSTREAM_KAFKA_FILE", str(secret))
    monkeypatch.setenv("SPEAKERSTREAM_KAFKA", '{"sasl.username": "v", "client.id": "v"}')
    found = options.kafka(["client.id=c"])
    assert found.pop("log_level")
    assert found == {"sasl.password": "s3cret", "sasl.username": "v", "client.id": "c"}


def test_the_registry_gets_its_properties(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(options, "ConfluentRegistry", lambda *given: seen.append(given))
    monkeypatch.setenv("SPEAKERSTREAM_SCHEMA_REGISTRY", '{"basic.auth.user.info": "u:p"}')
    options.registry("http://registry", register=True)
    assert seen == [("http://registry", {"basic.auth.user.info": "u:p"}, True)]


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("sasl.password=s3cret", "is no JSON: write it as SPEAKERSTREAM_KAFKA='{"),
        ('["s3cret"]', "is no table of strings: write {"),
        ('{"sasl.password": {"s3cret": 1}}', "is no table of strings: write {"),
    ],
)
@pytest.mark.parametrize("in_file", [False, True])
def test_what_is_no_table_is_a_sentence_without_the_secret(
    value: str, complaint: str, in_file: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = "SPEAKERSTREAM_KAFKA"
    if in_file:
        (tmp_path / "kafka").write_text(value)
        monkeypatch.setenv(f"{variable}_FILE", str(tmp_path / "kafka"))
        complaint = complaint.partition(":")[0]
    else:
        monkeypatch.setenv(variable, value)
    done = CliRunner().invoke(app, ["tail", "--bootstrap-servers", "127.0.0.1:1"])
    assert done.exit_code == 1
    assert complaint in done.stderr
    assert variable in done.stderr
    assert "s3cret" not in done.stderr


def test_one_is_no_plural() -> None:
    assert [options.counted(n, "record") for n in range(3)] == [
        "0 records",
        "1 record",
        "2 records",
    ]
