"""The documentation's commands, run as a reader would run them, against real parts.

For the quick start the parts of `deploy/compose.yaml` are started from their programs, the service
with the environment that file gives it. A stand-in for the models answers, which spares their load;
what the models themselves say, the tests of the demo show.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

import deploy.maven
from deploy.kafka import KafkaCluster
from deploy.registry import SchemaRegistry
from tests.brokers.parts import RealParts
from tests.integration.audio import s3
from tests.service.process import ServiceProcess
from tests.transcript import Reader

pytestmark = [pytest.mark.parts, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
TOOLS = Path(sys.executable).parent
STAND_IN = {"SPEAKERSTREAM_ENGINE": "consumer.inference.stand_in:create"}


class TrialStore(s3.S3Server):
    """With the account that compose.yaml gives it."""

    root = (
        COMPOSE["services"]["store"]["environment"]["ROOT_ACCESS_KEY"],
        COMPOSE["services"]["store"]["environment"]["ROOT_SECRET_KEY"],
    )


@pytest.fixture(scope="module")
def store(real_parts: RealParts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrialStore]:
    real_parts.need("S3 server", s3.missing())
    server = TrialStore(tmp_path_factory.mktemp("store"))
    try:
        server.create_bucket("recordings")
        yield server
    finally:
        server.stop()


def clean() -> dict[str, str]:
    """The environment of somebody who has set nothing yet."""
    ours = re.compile(r"SPEAKERSTREAM_|AWS_|PYTHON|PYTEST|COV_")
    kept = {name: value for name, value in os.environ.items() if not ours.match(name)}
    # The default port may be taken by another test's service.
    return {**kept, "SPEAKERSTREAM_METRICS_PORT": "0", "OMP_NUM_THREADS": "1"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a reader has in front of them; what they write stays out of the real one."""
    for name in ("producer_tools", "schemas"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    return tmp_path


def composed(service: str, addresses: dict[str, str]) -> dict[str, str]:
    """The environment compose.yaml gives a service, with the addresses of our parts."""
    text = json.dumps(COMPOSE["services"][service]["environment"])
    for name, address in addresses.items():
        text = text.replace(name, address)
    given: dict[str, str] = json.loads(text)
    defaults = {name: re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", value) for name, value in given.items()}
    return {**clean(), **defaults}


def test_quick_start_python_and_other_languages(
    real_parts: RealParts,
    store: TrialStore,
    schema_registry: SchemaRegistry,
    checkout: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    for program in ("kcat", "node", "npm", "java", "mvn"):
        real_parts.need(program, None if shutil.which(program) else f"install {program}")
    aside = tmp_path_factory.mktemp("service")
    with ExitStack() as stack:
        kafka = stack.enter_context(KafkaCluster())
        inside = {
            "kafka:9092": kafka.bootstrap,
            "http://registry:8080/apis/ccompat/v7": schema_registry.url,
            "http://store:7070": store.endpoint,
        }
        for job in ("topics", "schemas"):
            tool, *arguments = COMPOSE["services"][job]["entrypoint"]
            environment = composed(job, inside)
            subprocess.run([TOOLS / tool, *arguments], env=environment, check=True)
        settings = {**composed("service", inside), **STAND_IN}
        stack.enter_context(ServiceProcess(settings, aside / "service.log"))
        outside = {
            "localhost:9094": kafka.bootstrap,
            "http://localhost:8081/apis/ccompat/v7": schema_registry.url,
            "http://localhost:7070": store.endpoint,
        }
        reader = stack.enter_context(Reader(checkout, clean(), outside))
        for page in ("quickstart", "python", "other-languages"):
            reader.follow(ROOT / "docs" / f"{page}.md")
        report = (checkout / "report.html").read_text()
        assert '"lane":"Voice_0"' in report
        assert '"calibration":{"bins":[' in report


def test_an_existing_cluster(store: TrialStore, checkout: Path) -> None:
    # A cluster of its own: the page creates the default topics, and other tests do so too.
    with KafkaCluster() as kafka:
        known = {"broker:9092": kafka.bootstrap, "http://store:7070": store.endpoint}
        with Reader(checkout, {**clean(), **STAND_IN}, known) as reader:
            reader.follow(ROOT / "docs" / "cluster.md")


@pytest.fixture(autouse=True)
def _java(real_parts: RealParts) -> None:
    real_parts.need("Java", deploy.maven.missing())
