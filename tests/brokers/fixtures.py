"""Fixtures: brokers that live as long as the test run, and names nobody else uses."""

import re
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import pytest

import deploy.maven
import producer_tools.embedded
from deploy.kafka import KafkaCluster
from deploy.registry import SchemaRegistry
from producer_tools.embedded import EmbeddedBroker
from tests.brokers.parts import RealParts

EMBEDDED = "embedded"
APACHE_KAFKA = "apache-kafka"


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker, whichever it is: one behavioural suite serves both."""

    name: str  # EMBEDDED or APACHE_KAFKA
    bootstrap: str

    @property
    def is_kafka(self) -> bool:
        """Whether this is Apache Kafka itself."""
        return self.name == APACHE_KAFKA


@pytest.fixture(scope="session")
def announce(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Say on the terminal what takes more than two seconds, past pytest's capture."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    terminal = pytestconfig.pluginmanager.getplugin("terminalreporter")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            if terminal is not None:
                terminal.write_line(f"  [{line}]")
            else:  # a process of pytest-xdist
                print(f"\n  [{line}]", file=sys.stderr, flush=True)

    return say


@pytest.fixture(scope="session")
def embedded_broker(real_parts: RealParts) -> Iterator[Broker]:
    """The embedded broker, shared by the run."""
    real_parts.need("embedded broker", producer_tools.embedded.missing())
    with EmbeddedBroker() as broker:
        yield Broker(EMBEDDED, broker.bootstrap)


@pytest.fixture(scope="session")
def kafka_jars(real_parts: RealParts) -> None:
    """Skips where Apache Kafka cannot be had; for tests that start clusters of their own."""
    real_parts.need("Apache Kafka", deploy.maven.missing())


@pytest.fixture(scope="session")
def kafka_broker(kafka_jars: None, announce: Callable[[str], None]) -> Iterator[Broker]:
    """One broker of Apache Kafka, shared by the run."""
    announce("starting Apache Kafka; the first time fetches 45 MB of jars")
    with KafkaCluster() as cluster:
        yield Broker(APACHE_KAFKA, cluster.bootstrap)


@pytest.fixture(scope="session", params=[EMBEDDED, APACHE_KAFKA])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Both brokers, one after the other: what holds on one must hold on the other."""
    fixture = {EMBEDDED: "embedded_broker", APACHE_KAFKA: "kafka_broker"}[request.param]
    running: Broker = request.getfixturevalue(fixture)
    return running


@pytest.fixture(scope="session")
def schema_registry(
    real_parts: RealParts, announce: Callable[[str], None]
) -> Iterator[SchemaRegistry]:
    """A schema registry, shared by the run: use subjects of your own."""
    real_parts.need("schema registry", deploy.maven.missing())
    announce("starting a schema registry; the first time fetches 142 MB")
    with SchemaRegistry() as registry:
        yield registry


@pytest.fixture
def unique(request: pytest.FixtureRequest) -> str:
    """A name for this test's topics, groups and ids, used by no other test and no other run."""
    test = re.sub(r"[^a-zA-Z0-9]+", "-", request.node.name).strip("-")[:60]
    return f"{test}-{uuid.uuid4().hex[:8]}"
