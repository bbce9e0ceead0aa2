"""The voice of each fingerprint of a recording. numpy only."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from producer_tools.clustering import cluster

BEGINS_S = 2.0  # seconds of speech from which on a fingerprint may begin a voice


def voices(
    vectors: NDArray[np.float64],
    speech_s: NDArray[np.float64],
    groups: Sequence[Hashable],
    threshold: float,
) -> list[int | None]:
    """The voice of each row: what speaks long enough is clustered, what does not only joins.

    A fingerprint of a second of speech is often far from its own voice. Rows of less than
    `BEGINS_S`, the longest first, join the voice to which their mean cosine, weighted by seconds,
    is largest, where that is at least `threshold` and nobody of their group has that voice; else
    they have none. Where no row speaks so long, all are clustered.

    Args:
        vectors: shape (n, dimensions), float64, rows of L2 norm 1.
        speech_s: shape (n,), positive: seconds of speech of each.
        groups: what each row belongs to; n entries.
        threshold: cosine.

    Returns:
        The voice of each row, numbered from 0 in order of first appearance; None for those
        without one.
    """
    begins = speech_s >= BEGINS_S
    if not begins.any():
        begins[:] = True
    chosen = np.flatnonzero(begins).tolist()
    labels = cluster(vectors[chosen], speech_s[chosen], [groups[row] for row in chosen], threshold)
    found: list[int | None] = [None] * len(groups)
    centres = np.zeros((max(labels, default=-1) + 1, vectors.shape[1]))
    seconds = np.zeros(len(centres))
    for row, label in zip(chosen, labels, strict=True):
        found[row] = label
        centres[label] += speech_s[row] * vectors[row]
        seconds[label] += speech_s[row]
    taken = {(groups[row], label) for row, label in enumerate(found) if label is not None}
    for row in sorted(np.flatnonzero(~begins).tolist(), key=lambda row: -speech_s[row]):
        cosines = centres @ vectors[row] / seconds
        cosines[[(groups[row], label) in taken for label in range(len(centres))]] = -np.inf
        nearest = int(cosines.argmax())
        if cosines[nearest] >= threshold:
            found[row] = nearest
            taken.add((groups[row], nearest))
    numbers: dict[int, int] = {}
    return [None if label is None else numbers.setdefault(label, len(numbers)) for label in found]
