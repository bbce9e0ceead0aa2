"""Whether a segment's confidence tells right speakers from wrong ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from producer_tools import calibration
from producer_tools.calibration import Bin, Judged, bins, expected_error
from producer_tools.evaluate.answers import Answer


@dataclass(frozen=True, slots=True)
class Confidence:
    """What the confidences of many segments are worth.

    `auroc` is the chance that a right segment has more confidence than a wrong one; None where all
    are right or all wrong. `ece` is the expected calibration error over the bins of `reliability`.
    `risk[i]` is the share of wrong segments among the `coverage[i]` (0..1) most confident ones,
    and `aurc` the area under that curve.
    """

    segments: int
    right: float
    auroc: float | None
    ece: float
    reliability: tuple[Bin, ...]
    coverage: tuple[float, ...]
    risk: tuple[float, ...]
    aurc: float


def judge(answers: Iterable[Answer]) -> list[Judged]:
    """Every segment with a confidence, judged within its answer."""
    return [
        judged
        for answer in answers
        for judged in calibration.judge(answer.turns, answer.recording.turns)
    ]


def measure(judged: Sequence[Judged]) -> Confidence:
    """The measures of judged segments.

    Sources: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017; El-Yaniv and
    Wiener, "On the Foundations of Noise-free Selective Classification", JMLR 2010.

    Raises:
        ValueError: there is no segment.
    """
    reliability = bins(judged)
    ece = expected_error(reliability)
    if ece is None:
        raise ValueError("the checkpoint found no segments, so there is no confidence to measure")
    levels = np.array([one.confidence for one in judged])
    right = np.array([one.right for one in judged])
    coverage, risk = _risk_coverage(levels, right)
    return Confidence(
        segments=len(judged),
        right=float(right.mean()),
        auroc=_auroc(levels, right),
        ece=ece,
        reliability=tuple(reliability),
        coverage=tuple(coverage.tolist()),
        risk=tuple(risk.tolist()),
        aurc=float(risk.mean()),
    )


def best_threshold(judged: Sequence[Judged]) -> float:
    """The confidence, to two digits, that separates right from wrong best (Youden's index)."""
    levels = np.array([one.confidence for one in judged])
    right = np.array([one.right for one in judged])
    grid = np.linspace(0.5, 0.95, 46)
    index = [(levels[right] >= at).mean() - (levels[~right] >= at).mean() for at in grid]
    return round(float(grid[int(np.argmax(index))]), 2)


def _auroc(levels: NDArray[np.float64], right: NDArray[np.bool_]) -> float | None:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(right, levels)) if right.any() and not right.all() else None


def _risk_coverage(
    levels: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    wrong = ~right[np.argsort(-levels, kind="stable")]
    kept = np.arange(1, len(wrong) + 1)
    return kept / len(wrong), np.cumsum(wrong) / kept
