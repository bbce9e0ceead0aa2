"""Verification trials: all pairs of windows, and the error rates of a threshold on their cosine."""

import numpy as np
import numpy.typing as npt

Cosines = npt.NDArray[np.float64]


def trials(voices: list[npt.NDArray[np.float32]]) -> tuple[Cosines, Cosines]:
    """Cosines of all pairs of one voice and of all pairs of two voices; ``voices`` holds unit rows
    (n, 192).
    """
    same: list[npt.NDArray[np.float32]] = []
    other: list[npt.NDArray[np.float32]] = []
    for index, left in enumerate(voices):
        upper = np.triu_indices(len(left), 1)
        same.append((left @ left.T)[upper])
        other.extend((left @ right.T).ravel() for right in voices[index + 1 :])
    return np.concatenate(same).astype(float), np.concatenate(other).astype(float)


def equal_error(same: Cosines, other: Cosines) -> tuple[float, float]:
    """The equal error rate and the cosine where it is reached."""
    thresholds = np.sort(np.concatenate([same, other]))
    missed = np.searchsorted(np.sort(same), thresholds) / len(same)
    accepted = 1 - np.searchsorted(np.sort(other), thresholds) / len(other)
    index = int(np.argmin(np.abs(missed - accepted)))
    return float((missed[index] + accepted[index]) / 2), float(thresholds[index])
