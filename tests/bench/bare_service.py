"""The service with nothing to fetch, nothing to decode and an answer that is always there.

What is left is the way of a message: poll, event, bookkeeping, encoding, transaction.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import Future

import numpy as np

from consumer import assembly
from consumer.audio.reference import Reference
from consumer.cli import main
from consumer.errors import PermanentError
from consumer.inference.options import EngineOptions
from consumer.inference.results import SAMPLE_RATE, Analysis, Waveform
from consumer.inference.stand_in import StandInEngine
from tests.bench.answer import analysis

WAVEFORM_S = "BARE_SERVICE_WAVEFORM_S"  # seconds of audio that each chunk pretends to have
INFER_S = "BARE_SERVICE_INFER_S"  # seconds that the engine pretends to need for each


class _Store:
    def fetch(self, reference: Reference) -> bytes:
        """An object of a few bytes, whatever is asked for."""
        return b"nothing"

    def close(self) -> None:
        """Nothing to close."""


class _Decoder:
    def __init__(self) -> None:
        self._samples = int(float(os.environ.get(WAVEFORM_S, "0.1")) * SAMPLE_RATE)

    def submit(self, data: bytes, channel: int | None) -> "Future[Waveform]":
        """A waveform of its own for every chunk."""
        done: Future[Waveform] = Future()
        done.set_result(np.full(self._samples, 0.1, np.float32))
        return done

    def alive(self) -> bool:
        """Always."""
        return True

    def close(self, deadline_s: float) -> None:
        """Nothing to close."""


class _Engine(StandInEngine):
    def analyze(self, waveforms: Sequence[Waveform]) -> Sequence[Analysis | PermanentError]:
        """The same answer for every chunk."""
        time.sleep(_WORK_S * len(waveforms))
        return [ANSWER] * len(waveforms)


ANSWER = analysis()
_WORK_S = float(os.environ.get(INFER_S, "0"))


def create(_options: EngineOptions) -> _Engine:
    """Factory."""
    return _Engine()


if __name__ == "__main__":
    assembly.fetcher = lambda settings: _Store()  # type: ignore[assignment, return-value]
    assembly.decode_pool = lambda settings: _Decoder()  # type: ignore[assignment, return-value]
    main()
