"""Engines that misbehave on chosen chunks, for tests of what survives that."""

import ctypes
import os
import signal
import time
from collections.abc import Sequence

from consumer.errors import PermanentError
from consumer.inference.options import EngineOptions
from consumer.inference.results import Analysis, Waveform
from consumer.inference.stand_in import StandInEngine

POISON_SAMPLES = 12_345  # a chunk of this length is poison

_GREED = 256 << 20  # bytes


def _poisonous(waveforms: Sequence[Waveform]) -> bool:
    return any(len(waveform) == POISON_SAMPLES for waveform in waveforms)


class CrashingEngine(StandInEngine):
    """Dies of a real segmentation fault on poison."""

    def analyze(self, waveforms: Sequence[Waveform]) -> Sequence[Analysis | PermanentError]:
        """See `Engine.analyze`."""
        if _poisonous(waveforms):
            ctypes.string_at(0)
        return super().analyze(waveforms)


class GreedyEngine(StandInEngine):
    """Is killed on poison for the memory it takes.

    The kernel's out-of-memory killer sends SIGKILL once a limit is passed, and so does this: a
    limit on a group of processes is not everywhere ours to set.
    """

    def analyze(self, waveforms: Sequence[Waveform]) -> Sequence[Analysis | PermanentError]:
        """See `Engine.analyze`."""
        taken: list[bytes] = []
        while _poisonous(waveforms):
            taken.append(bytes(_GREED // 8))
            if sum(map(len, taken)) > _GREED:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().analyze(waveforms)


class HangingEngine(StandInEngine):
    """Never comes back from poison."""

    def analyze(self, waveforms: Sequence[Waveform]) -> Sequence[Analysis | PermanentError]:
        """See `Engine.analyze`."""
        while _poisonous(waveforms):
            time.sleep(1)
        return super().analyze(waveforms)


class SlowEngine(StandInEngine):
    """Takes its time: `SLOW_ENGINE_S` seconds a chunk."""

    def analyze(self, waveforms: Sequence[Waveform]) -> Sequence[Analysis | PermanentError]:
        """See `Engine.analyze`."""
        time.sleep(float(os.environ["SLOW_ENGINE_S"]) * len(waveforms))
        return super().analyze(waveforms)


class BrokenEngine(StandInEngine):
    """Raises on poison, as a driver does when the device is gone."""

    def analyze(self, waveforms: Sequence[Waveform]) -> Sequence[Analysis | PermanentError]:
        """See `Engine.analyze`."""
        if _poisonous(waveforms):
            raise RuntimeError("the device is gone")
        return super().analyze(waveforms)


def crashing(_options: EngineOptions) -> CrashingEngine:
    """Factory."""
    return CrashingEngine()


def greedy(_options: EngineOptions) -> GreedyEngine:
    """Factory."""
    return GreedyEngine()


def hanging(_options: EngineOptions) -> HangingEngine:
    """Factory."""
    return HangingEngine()


def slow(_options: EngineOptions) -> SlowEngine:
    """Factory."""
    return SlowEngine()


def broken(_options: EngineOptions) -> BrokenEngine:
    """Factory."""
    return BrokenEngine()
