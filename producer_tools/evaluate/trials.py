"""Verification trials: all pairs of fingerprints, and the error rates of thresholds on them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Cosines = NDArray[np.float64]
Comparable = Callable[[int, int], bool]
"""Whether two voices, by their positions, are surely two people and worth a trial."""

TARGET_PRIOR = 0.01  # of the minimum detection cost, as the NIST evaluations and VoxCeleb use it


@dataclass(frozen=True, slots=True)
class Verification:
    """Error rates over trials. `cosine` is the threshold where both kinds of error are equal."""

    eer: float
    min_dcf: float
    cosine: float
    trials: int
    voices: int


def trials(
    voices: Sequence[NDArray[np.float32]], comparable: Comparable | None = None
) -> tuple[Cosines, Cosines]:
    """Cosines of all pairs of one voice, and of all pairs of two voices.

    `voices` holds unit rows (n, dimensions), one array a voice. Only pairs of voices that are
    `comparable` are tried, and a voice that is comparable to no other takes no part.
    """
    same: list[NDArray[np.float32]] = [np.empty(0, np.float32)]
    other: list[NDArray[np.float32]] = [np.empty(0, np.float32)]
    pairs = [
        pair
        for pair in combinations(range(len(voices)), 2)
        if comparable is None or comparable(*pair)
    ]
    for index in sorted({index for pair in pairs for index in pair}):
        own = voices[index]
        same.append((own @ own.T)[np.triu_indices(len(own), 1)])
    other.extend((voices[left] @ voices[right].T).ravel() for left, right in pairs)
    return np.concatenate(same).astype(float), np.concatenate(other).astype(float)


def equal_error(same: Cosines, other: Cosines) -> tuple[float, float]:
    """The equal error rate and the cosine where it is reached."""
    thresholds, missed, accepted = _rates(same, other)
    index = int(np.argmin(np.abs(missed - accepted)))
    return float((missed[index] + accepted[index]) / 2), float(thresholds[index])


def min_dcf(same: Cosines, other: Cosines, prior: float = TARGET_PRIOR) -> float:
    """The minimum detection cost, both costs 1, over that of always deciding the same.

    Source: NIST Speaker Recognition Evaluation plans.
    """
    _, missed, accepted = _rates(same, other)
    cost = prior * missed + (1 - prior) * accepted
    return min(1.0, float(cost.min()) / min(prior, 1 - prior))


def _rates(
    same: Cosines, other: Cosines
) -> tuple[Cosines, NDArray[np.float64], NDArray[np.float64]]:
    """Thresholds, share of same-voice pairs below each, share of other pairs at or above it."""
    thresholds = np.sort(np.concatenate([same, other]))
    missed = np.searchsorted(np.sort(same), thresholds) / len(same)
    accepted = 1 - np.searchsorted(np.sort(other), thresholds) / len(other)
    return thresholds, missed, accepted


def verify(
    voices: Mapping[str, NDArray[np.float32]],
    comparable: Callable[[str, str], bool] = lambda one, other: True,
) -> Verification | None:
    """The error rates over all trials of comparable voices, by name; None where there are none of
    a kind.
    """
    names, rows = list(voices), list(voices.values())
    taking_part = {name for pair in combinations(names, 2) if comparable(*pair) for name in pair}
    same, other = trials(rows, lambda left, right: comparable(names[left], names[right]))
    if not len(same) or not len(other):
        return None
    rate, cosine = equal_error(same, other)
    return Verification(
        eer=rate,
        min_dcf=min_dcf(same, other),
        cosine=cosine,
        trials=len(same) + len(other),
        voices=len(taking_part),
    )
