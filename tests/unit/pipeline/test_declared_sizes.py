"""Memory is bounded by what arrives, whatever events say will."""

import threading
from collections.abc import Sequence
from dataclasses import replace

from consumer.errors import PermanentError
from consumer.inference.results import Analysis, Waveform
from consumer.inference.stand_in import StandInEngine
from consumer.pipeline.job import Outcome
from tests.audio_samples import sound, tone
from tests.pipelines import CHUNK, pipeline
from tests.waiting import until

RECORDS = 12
SECONDS = 40.0
HELD = round(SECONDS * 64_000)  # of one chunk, decoded
LIMIT = 3 * HELD
AUDIO = sound(tone(SECONDS)[:, 0], kind="FLAC")
CLAIMS = replace(CHUNK, size_bytes=len(AUDIO), duration_s=0.01)


class Patient(StandInEngine):
    """Begins when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.begins = threading.Event()

    def analyze(self, waveforms: Sequence[Waveform]) -> Sequence[Analysis | PermanentError]:
        """See `Engine.analyze`."""
        self.begins.wait()
        return super().analyze(waveforms)


def test_chunks_longer_than_their_events_say_wait_for_memory_and_are_all_answered() -> None:
    engine, most = Patient(), 0
    outcomes = list[Outcome]()
    with pipeline(lambda: AUDIO, RECORDS, chunk=CLAIMS, engine=engine, buffered_bytes=LIMIT) as (
        working,
        heads,
    ):
        working.count([head.partition for head in heads])

        def answered() -> bool:
            nonlocal most
            outcomes.extend(working.collect())
            most = max(most, working.buffered_bytes)
            if most > 2 * HELD:
                engine.begins.set()
            return len(outcomes) == RECORDS

        until(answered, lambda: f"{len(outcomes)} answers, {most} bytes held")
    assert most <= LIMIT + RECORDS * 1000  # events are held beside it
    assert all(outcome.reason is None for outcome in outcomes)
