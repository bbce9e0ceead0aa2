"""A broker that asks who is there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.brokers.parts import RealParts
from tests.integration.security.secured import SecuredKafka, missing


@pytest.fixture(scope="package")
def secured(
    kafka_jars: None,
    real_parts: RealParts,
    announce: Callable[[str], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SecuredKafka]:
    """One broker of Apache Kafka with TLS, SASL and ACLs."""
    real_parts.need("openssl", missing())
    announce("starting Apache Kafka with TLS, SASL and ACLs")
    folder: Path = tmp_path_factory.mktemp("security")
    with SecuredKafka(folder) as broker:
        yield broker
