"""Fingerprints of known people from a given length of clean speech, as the service makes them."""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from consumer.inference.fingerprints import Speech, collect, combine
from consumer.inference.results import SAMPLE_RATE, Segment, Waveform
from producer_tools.evaluate.recordings import Recording

SECONDS = (1.0, 2.0, 3.0, 5.0, 10.0)
MOST = 24  # fingerprints of one voice and length: more pairs of one voice add little
_FRAME_S = 0.08

Embed = Callable[[list[Waveform]], list[NDArray[np.float32]]]
"""Windows of speech -> one raw embedding each (`consumer.inference.titanet.TitaNet.embed`)."""


def clean_speech(recordings: Iterable[Recording]) -> dict[str, list[Waveform]]:
    """Per person the speech during which nobody else talks, one waveform a recording."""
    found: dict[str, list[Waveform]] = {}
    for recording in recordings:
        waveform = recording.waveform()
        for person, parts in _alone(recording):
            pieces = [waveform[start:end] for start, end in parts]
            found.setdefault(person, []).append(np.concatenate(pieces))
    return found


def _alone(recording: Recording) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Per person the stretches, in samples, in which it is the only one to talk."""
    spans = [
        (turn.speaker, round(turn.start_s * SAMPLE_RATE),
         round((turn.start_s + turn.duration_s) * SAMPLE_RATE))
        for turn in recording.turns
    ]  # fmt: skip
    cuts = sorted({cut for _, start, end in spans for cut in (start, end)})
    alone: dict[str, list[tuple[int, int]]] = {}
    for start, end in pairwise(cuts):
        talking = {person for person, first, last in spans if first <= start and end <= last}
        if len(talking) == 1:
            alone.setdefault(talking.pop(), []).append((start, end))
    yield from sorted(alone.items())


def by_seconds(
    speech: dict[str, list[Waveform]], seconds: float, embed: Embed
) -> dict[str, NDArray[np.float32]]:
    """Fingerprints (n, dimensions) per person, each of `seconds` of its clean speech.

    At most `MOST` a person, evenly spread over all of its speech; people with less than two are
    left out.
    """
    length = round(seconds * SAMPLE_RATE)
    found: dict[str, NDArray[np.float32]] = {}
    for person, waveforms in speech.items():
        cut = [
            waveform[start : start + length]
            for waveform in waveforms
            for start in range(0, len(waveform) - length + 1, length)
        ]
        chosen = cut[:: max(1, len(cut) // MOST)][:MOST]
        rows = [row for row in (fingerprint(window, embed) for window in chosen) if row is not None]
        if len(rows) > 1:
            found[person] = np.stack(rows)
    return found


def fingerprint(waveform: Waveform, embed: Embed) -> NDArray[np.float32] | None:
    """The service's fingerprint of a waveform in which one person talks all the time."""
    duration = len(waveform) / SAMPLE_RATE
    frames = max(1, int(np.ceil(duration / _FRAME_S)))
    sure = np.ones((frames, 1), np.float32)
    whole = (Segment(0, 0.0, duration, 1.0, 0.0),)
    for speech in collect(waveform, sure, whole, 0.5, _FRAME_S):
        made = combine(speech, _embedded(speech, embed))
        return None if made is None else made.embedding
    return None


def _embedded(speech: Speech, embed: Embed) -> NDArray[np.float32]:
    return np.stack(embed(list(speech.windows)))
