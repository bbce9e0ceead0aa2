"""Dockerfile and compose file, by their linter and schema: no container engine is needed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import deploy
from consumer.settings import ENV_PREFIX, Settings
from tests.brokers.parts import RealParts
from tests.integration.deploy import outside

DEPLOY = Path(deploy.__file__ or "").parent
ROOT = DEPLOY.parent
DOCKERFILE = DEPLOY / "Dockerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")


def test_the_linter_finds_nothing(tmp_path: Path, real_parts: RealParts) -> None:
    real_parts.need("hadolint", None if HADOLINT.exists() else "no wheel for this system")
    done = subprocess.run([HADOLINT, DOCKERFILE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    worse = tmp_path / "Dockerfile"
    worse.write_text(DOCKERFILE.read_text().replace("USER 10001:10001", "USER root"))
    done = subprocess.run([HADOLINT, worse], capture_output=True, text=True, check=False)
    assert "DL3002" in done.stdout, "it would see a container that runs as root"


def test_what_is_copied_exists_and_reaches_the_build() -> None:
    text = DOCKERFILE.read_text()
    copied = [
        path
        for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)
        for path in line.split()[:-1]
    ]
    assert "consumer" in copied
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text()
    for path in copied:
        assert (ROOT / path).exists()
        assert f"!{path}\n" in ignored, f"{path} is kept from the build"
    assert re.search(r"^USER 10001", text.rpartition("FROM ")[2], re.MULTILINE)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file."""
    content: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return content


def test_the_compose_file_fits_its_schema(compose: dict[str, Any], real_parts: RealParts) -> None:
    real_parts.need("the compose file's schema", outside.missing())
    schema = json.loads(outside.module_file(outside.COMPOSE, "schema/compose-spec.json"))
    jsonschema.validate(compose, schema)
    service = {**compose["services"]["service"], "read_onyl": True}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**compose, "services": {"service": service}}, schema)


def test_the_compose_file_names_what_exists(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        assert set(service.get("depends_on", ())) <= services.keys()
        for config in service.get("configs", ()):
            assert config["source"] in compose["configs"]
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert (
                (DEPLOY / source).exists()
                if source.startswith(".")
                else (source in compose["volumes"])
            )
        for name in service.get("environment", ()):
            if name.startswith(ENV_PREFIX):
                field = name.removeprefix(ENV_PREFIX).removesuffix("_FILE").lower()
                assert field in Settings.model_fields, name
    assert services["service"]["read_only"] is True
    # Compose copies contents into a container before it starts, which a read-only one refuses.
    assert not any(each.get("configs") for each in services.values() if each.get("read_only"))
    assert services["service"]["cap_drop"] == ["ALL"]
    grace = float(services["service"]["stop_grace_period"].removesuffix("s"))
    assert grace > Settings.model_fields["drain_timeout_s"].default + 10
    published = [port for each in services.values() for port in each.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_trial_runs_what_the_tests_run(compose: dict[str, Any]) -> None:
    for service, pom in (("kafka", "kafka"), ("registry", "registry")):
        text = (DEPLOY / pom / "pom.xml").read_text()
        found = re.search(r"</artifactId>\s*(?:<!--.*?-->)?\s*<version>([^<]+)", text)
        assert found is not None
        assert compose["services"][service]["image"].endswith(f":{found[1]}")
