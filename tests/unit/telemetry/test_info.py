"""/info: settings without secrets."""

import json

import pytest

from consumer.settings import Settings
from consumer.telemetry.info import HIDDEN, info

SECRET = "c0ffee-secret"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPEAKERSTREAM_CONFIG", raising=False)


def test_secrets_are_hidden_and_the_rest_is_shown() -> None:
    settings = Settings(  # type: ignore[call-arg]
        bootstrap_servers="broker:9092",
        diarizer="compact",
        embedder="compact",
        kafka={
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": SECRET,
            "sasl.password": SECRET,
            "ssl.key.pem": SECRET,
            "sasl.oauthbearer.config": SECRET,
        },
        kafka_consumer={"session.timeout.ms": "6000"},
        schema_registry_url=f"https://user:{SECRET}@registry/base?key={SECRET}",
        schema_registry={"basic.auth.user.info": SECRET},
        store_options={"aws_secret_access_key": SECRET, "aws_region": "eu-central-1"},
    )
    page = info(settings, None)
    assert SECRET not in json.dumps(page)
    shown = page["settings"]
    assert shown["bootstrap_servers"] == "broker:9092"
    assert shown["kafka"]["security.protocol"] == "SASL_SSL"
    assert shown["kafka"]["sasl.password"] == HIDDEN
    assert shown["kafka_consumer"] == {"session.timeout.ms": "6000"}
    assert shown["schema_registry_url"] == "https://registry/base"
    assert shown["store_options"]["aws_region"] == "eu-central-1"
    assert page["models"] is None
