"""Verification trials: all pairs of fingerprints, and the error rates of thresholds on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Cosines = NDArray[np.float64]

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
    voices: Sequence[NDArray[np.float32]], groups: Sequence[str | None] | None = None
) -> tuple[Cosines, Cosines]:
    """Cosines of all pairs of one voice, and of all pairs of two voices.

    `voices` holds unit rows (n, dimensions), one array a voice. With `groups`, one name a voice,
    two voices are compared only within a group, and a voice that has no other in its group (or
    None) takes no part.
    """
    same: list[NDArray[np.float32]] = [np.empty(0, np.float32)]
    other: list[NDArray[np.float32]] = [np.empty(0, np.float32)]
    names: list[str | None] = [""] * len(voices) if groups is None else list(groups)
    for index, left in enumerate(voices):
        if names[index] is None or (groups is not None and names.count(names[index]) < 2):
            continue
        same.append((left @ left.T)[np.triu_indices(len(left), 1)])
        other.extend(
            (left @ right.T).ravel()
            for right, name in zip(voices[index + 1 :], names[index + 1 :], strict=True)
            if name == names[index]
        )
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
    voices: Mapping[str, NDArray[np.float32]], groups: Mapping[str, str] | None = None
) -> Verification | None:
    """The error rates over all trials of these voices; None where there are none of a kind."""
    rows = list(voices.values())
    names = None if groups is None else [groups.get(name) for name in voices]
    same, other = trials(rows, names)
    if not len(same) or not len(other):
        return None
    rate, cosine = equal_error(same, other)
    taking_part = [n for n in names or [] if n is not None and (names or []).count(n) > 1]
    return Verification(
        eer=rate,
        min_dcf=min_dcf(same, other),
        cosine=cosine,
        trials=len(same) + len(other),
        voices=len(rows) if names is None else len(taking_part),
    )
