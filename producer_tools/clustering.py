"""Average-linkage agglomerative clustering with pairs that must stay apart. numpy only."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

_APART = -np.inf


def cluster(
    vectors: NDArray[np.float64],
    weights: NDArray[np.float64],
    groups: Sequence[Hashable],
    threshold: float,
) -> list[int]:
    """Cluster unit vectors; two of one group are never in one cluster.

    Repeatedly joins the two clusters whose weighted mean cosine is largest, while it is at least
    `threshold`. The mean of a joined cluster follows from its parts' (the update formula of
    Lance and Williams, 1967), and `-inf` marks pairs that must stay apart: any mean with it is
    `-inf` again, so a joined cluster inherits all its parts' prohibitions. Each row's best partner
    is kept, so that a join costs about O(n). Other rows need not hear of a partner that became
    better: the joined row, searched anew, knows every pair it is part of.

    Args:
        vectors: shape (n, dimensions), float64, rows of L2 norm 1.
        weights: shape (n,), positive.
        groups: what each row belongs to; n entries.
        threshold: cosine.

    Returns:
        The cluster of each row, numbered from 0 in order of first appearance. The same rows in
        the same order always give the same clusters.
    """
    if not groups:
        return []
    count = len(groups)
    codes: dict[Hashable, int] = {}
    group = np.array([codes.setdefault(name, len(codes)) for name in groups])
    similarity = vectors @ vectors.T
    similarity[group[:, None] == group[None, :]] = _APART
    weights = weights.copy()
    best = similarity.argmax(axis=1)
    value = similarity[np.arange(count), best]
    parent = list(range(count))

    while (largest := value.max()) >= threshold and largest > _APART:
        row = int(value.argmax())
        keep, gone = sorted((row, int(best[row])))
        total = weights[keep] + weights[gone]
        joined = (weights[keep] * similarity[keep] + weights[gone] * similarity[gone]) / total
        joined[[keep, gone]] = _APART
        weights[keep] = total
        similarity[keep], similarity[:, keep] = joined, joined
        similarity[gone], similarity[:, gone] = _APART, _APART
        parent[gone] = keep
        value[gone] = _APART
        stale = np.flatnonzero((best == keep) | (best == gone))
        for other in {keep, *stale.tolist()}:
            best[other] = similarity[other].argmax()
            value[other] = similarity[other, best[other]]
    return _number(parent)


def _number(parent: list[int]) -> list[int]:
    numbers: dict[int, int] = {}
    labels = []
    for row in range(len(parent)):
        root = row
        while parent[root] != root:
            root = parent[root]
        labels.append(numbers.setdefault(root, len(numbers)))
    return labels
