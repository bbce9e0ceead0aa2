"""One life of the service after another, each ended by a fault, under a stream of chunks."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from consumer.errors import ExitCode
from schemas.records import AudioChunk
from tests.service.installation import Installation, disorder
from tests.service.process import ServiceProcess

SIGKILL = -9
LEAST_CHUNKS = 300
POISON_EVERY = 10  # of the chunks: a reference outside the allow-list
_BATCH = 10

# Small bursts, many of them, and a group that notices a death at once.
_ENVIRONMENT = {
    "SPEAKERSTREAM_WINDOW": "8",
    "SPEAKERSTREAM_COMMIT_INTERVAL_S": "0.02",
    "SPEAKERSTREAM_BURST_BYTES": "20000",
    "SPEAKERSTREAM_DECODE_WORKERS": "1",
    "SPEAKERSTREAM_KAFKA_CONSUMER": (
        '{"session.timeout.ms": "1500", "heartbeat.interval.ms": "300"}'
    ),
}


class Stream(threading.Thread):
    """Publishes chunks until it is told to stop, and then until there are LEAST_CHUNKS."""

    def __init__(self, installation: Installation) -> None:
        super().__init__(daemon=True)
        self._installation = installation
        self._over = threading.Event()
        self.published = 0

    def run(self) -> None:
        """Ten chunks at a time, the last of them poison."""
        while not self._over.is_set() or self.published < LEAST_CHUNKS:
            numbers = range(self.published, self.published + _BATCH)
            self._installation.publish(*(self._chunk(number) for number in numbers))
            self.published += _BATCH
            self._over.wait(0.5)

    def _chunk(self, number: int) -> AudioChunk:
        if number % POISON_EVERY == POISON_EVERY - 1:
            return self._installation.chunk(number, uri="file:///not/allowed.flac")
        return self._installation.chunk(number)

    def finish(self) -> int:
        """Stop; how many were published."""
        self._over.set()
        self.join()
        return self.published


def live_and_die(
    installation: Installation,
    folder: Path,
    faults: Sequence[str],
    *,
    module: str = "consumer",
    settings: Mapping[str, str] | None = None,
) -> int:
    """A life for each fault (`point:n`), then one that finishes. The number of chunks published.

    A life that is to end `in_revoke` gets a rival, which takes partitions away from it.
    """
    environment = {**installation.environment, **_ENVIRONMENT, **(settings or {})}
    stream = Stream(installation)
    stream.start()
    try:
        for life, fault in enumerate(faults):
            armed = {**environment, "SPEAKERSTREAM_FAULT": fault}
            with ServiceProcess(armed, folder / f"log{life}", module=module) as service:
                if fault.startswith("in_revoke"):
                    service.await_line("chunk_diarized")
                    rival = {**environment, "SPEAKERSTREAM_INSTANCE_ID": "rival"}
                    with ServiceProcess(rival, folder / f"log{life}-rival", module=module) as other:
                        assert service.wait() == SIGKILL, service.said()[-2000:]
                        other.await_line("chunk_diarized")
                        assert other.terminate() == ExitCode.OK
                else:
                    assert service.wait() == SIGKILL, service.said()[-2000:]
    finally:
        published = stream.finish()
    with ServiceProcess(environment, folder / "log-last", module=module) as service:
        installation.await_committed(published)
        assert service.terminate() == ExitCode.OK
    return published


def verdict(installation: Installation, published: int) -> dict[str, int]:
    """What went wrong, counted; dead letters beyond (or below) those of the poison."""
    results = installation.results()
    seen = Counter(r.chunk_id for r in results)
    return {
        "lost": published - len(seen),
        "duplicated": sum(times - 1 for times in seen.values()),
        "out of order": len(disorder(results)),
        "dead letters": len(installation.read(installation.topics.dead_letters))
        - published // POISON_EVERY,
    }


NOTHING_WRONG = {"lost": 0, "duplicated": 0, "out of order": 0, "dead letters": 0}
