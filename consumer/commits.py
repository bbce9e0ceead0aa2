"""When the owner loop commits, and what it does when that fails."""

import time
from collections.abc import Collection

import structlog

from consumer.errors import ExitCode, FatalError, TransientError
from consumer.kafka.offsets import Burst, Offsets
from consumer.kafka.transaction import Committer, Outcome
from consumer.pipeline.pipeline import Pipeline
from consumer.service_options import ServiceOptions
from consumer.telemetry.telemetry import Telemetry

log = structlog.get_logger(__name__)

_ABORT_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0
_MOST_REFUSALS = 10  # in a row: retrying does not mend it (rights on the group, a topic's limits)
_AT = 0.5  # of the window: the other half is worked on meanwhile


class Commits:
    """Publishes and commits what the ledger holds; for the owner thread alone."""

    def __init__(
        self,
        offsets: Offsets,
        committer: Committer,
        pipeline: Pipeline,
        options: ServiceOptions,
        telemetry: Telemetry,
    ) -> None:
        self._offsets = offsets
        self._committer = committer
        self._pipeline = pipeline
        self._options = options
        self._telemetry = telemetry
        self._last = 0.0
        self._retry_at = 0.0
        self._aborts = self._refusals = 0  # since the last success

    @property
    def pause_s(self) -> float:
        """How long to leave the broker alone after aborts; longer after each in a row."""
        return min(_LONGEST_PAUSE_S, _ABORT_PAUSE_S * self._aborts)

    @property
    def waiting(self) -> bool:
        """Whether something is begun and not committed, or can be committed."""
        return self._committer.pending is not None or bool(self._offsets.burst(1))

    def count_attempts(self) -> None:
        """Write down that work begins on records whose bytes are there."""
        partitions = self._pipeline.uncounted
        if (
            partitions
            and not self._committer.pending
            and self.commit(self._offsets.mark(partitions))
        ):
            self._pipeline.count(partitions)

    def next_burst(self, release: Collection[int] = ()) -> Burst:
        """What is to be committed next; attempts on the `release`d partitions are given back."""
        return self._committer.pending or self._offsets.burst(
            self._options.burst_bytes, release=release
        )

    def commit_if_due(self, timeout_s: float | None = None) -> None:
        """Commit what is finished, when enough of it is, or nothing else is to be done."""
        now = time.monotonic()
        if now < self._retry_at:
            return
        if (
            self._committer.pending
            or now - self._last >= self._options.commit_interval_s
            or self._offsets.committable >= self._options.window * _AT
            or self._pipeline.idle
        ):
            self.commit(self.next_burst(), timeout_s)

    def commit(self, burst: Burst, timeout_s: float | None = None) -> bool:
        """Publish and commit. False: not now; the burst stays pending or its outputs retained.

        With `timeout_s` the caller has a deadline that ends what does not succeed. No call to the
        broker is longer than a transaction may be open, however far away that deadline.
        """
        if not burst:
            return True
        now = time.monotonic()
        if now < self._retry_at and timeout_s is None:
            return False
        longest_s = self._options.transaction_timeout_s
        before = self._telemetry.stopwatch.enter("commit")
        try:
            outcome = self._committer.commit(
                burst, longest_s if timeout_s is None else min(longest_s, timeout_s)
            )
        except TransientError as error:
            self._telemetry.transaction("delayed", time.monotonic() - now)
            log.warning("commit_delayed", why=str(error))
            self._retry_at = time.monotonic() + 1.0
            return False
        finally:
            self._telemetry.stopwatch.enter(before)
        self._last = time.monotonic()
        committed = outcome is Outcome.COMMITTED
        self._telemetry.transaction("committed" if committed else "aborted", self._last - now)
        if not committed:
            self._aborts += 1
            self._refusals += outcome is Outcome.REFUSED
            self._retry_at = self._last + self.pause_s
            if self._refusals >= _MOST_REFUSALS and timeout_s is None:
                raise FatalError(
                    ExitCode.KAFKA,
                    f"{self._refusals} transactions in a row were refused: the log above names the "
                    "broker's reason (rights on the output topics, or their max.message.bytes)",
                )
            return False
        self._aborts = self._refusals = 0
        self._telemetry.committed(burst, self._offsets.timestamps_ms(burst))
        self._offsets.commit(burst)
        self._pipeline.count_again({s.partition for s in burst.progress if not s.marked})
        return True
