"""Counts what the committer and the registry do, from outside: neither knows of telemetry."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from confluent_kafka import Producer

from consumer.errors import ExitCode, FatalError
from consumer.kafka.offsets import Burst
from consumer.kafka.transaction import Committer, Outcome
from consumer.telemetry.metrics import Metrics
from schemas.errors import RegistryUnavailableError, UnknownSchemaError
from schemas.registry import RegistryClient


class WatchedCommitter:
    """A `consumer.kafka.transaction.Committer` whose fatal ends are counted.

    The process ends with them, so a scrape sees the count only if it comes in time.
    """

    def __init__(self, inner: Committer, metrics: Metrics) -> None:
        self._inner = inner
        self._metrics = metrics

    def start(self, timeout_s: float) -> None:
        """See `Committer.start`."""
        with self._counting():
            self._inner.start(timeout_s)

    @property
    def pending(self) -> Burst | None:
        """See `Committer.pending`."""
        return self._inner.pending

    def commit(self, burst: Burst, timeout_s: float) -> Outcome:
        """See `Committer.commit`."""
        with self._counting():
            return self._inner.commit(burst, timeout_s)

    @contextmanager
    def _counting(self) -> Iterator[None]:
        try:
            yield
        except FatalError as error:
            result = "fenced" if error.code is ExitCode.FENCED else "fatal"
            self._metrics.transactions.labels(result).inc()
            raise


def counting_losses(
    new_producer: Callable[[], Producer], metrics: Metrics
) -> Callable[[], Producer]:
    """`new_producer`; each call after the first replaces a lost one, with its transaction."""
    made = 0

    def make() -> Producer:
        nonlocal made
        made += 1
        if made > 1:
            metrics.transactions.labels("lost").inc()
        return new_producer()

    return make


class WatchedRegistry:
    """A `schemas.registry.RegistryClient` whose questions are timed and counted by answer."""

    def __init__(self, inner: RegistryClient, metrics: Metrics) -> None:
        self._inner = inner
        self._metrics = metrics

    def schema(self, schema_id: int) -> str:
        """See `RegistryClient.schema`."""
        with self._timing():
            return self._inner.schema(schema_id)

    def id_of(self, subject: str, schema: str) -> int:
        """See `RegistryClient.id_of`."""
        with self._timing():
            return self._inner.id_of(subject, schema)

    @contextmanager
    def _timing(self) -> Iterator[None]:
        began = time.monotonic()
        answer: Literal["found", "unknown", "unavailable"] = "found"
        try:
            yield
        except UnknownSchemaError:
            answer = "unknown"
            raise
        except RegistryUnavailableError:
            answer = "unavailable"
            raise
        finally:
            self._metrics.registry_seconds.labels(answer).observe(time.monotonic() - began)
