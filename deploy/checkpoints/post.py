"""What the card publishes to read a diarizer by, chosen on development conversations alone: the
post-processing, and the confidence below which a speaker is uncertain.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace

from consumer.inference.postprocessing import PostProcessing
from deploy.checkpoints.measure import Probable, error, probable
from producer_tools.evaluate import confidence
from producer_tools.evaluate.recordings import RecordingInMemory

TRIED = {
    "onset": (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6),
    "offset": (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6),
    "pad_onset": (0.0, 0.04, 0.08, 0.12),
    "pad_offset": (0.0, 0.04, 0.08, 0.12),
    "min_duration_on": (0.0, 0.1, 0.2, 0.3),
    "min_duration_off": (0.0, 0.1, 0.2, 0.3, 0.5),
}


def best_post(answers: Sequence[Probable]) -> tuple[PostProcessing, float]:
    """The post-processing with the least error on these answers, and that error.

    One parameter after the other, twice around: they hardly depend on one another. A segment begins
    at no less than what ends it.
    """
    best, least = PostProcessing(), error(answers, PostProcessing())
    for name, values in (*TRIED.items(), *TRIED.items()):
        for value in values:
            tried = replace(best, **{name: value})
            if tried.onset < tried.offset:  # would flicker in between
                continue
            if (rate := error(answers, tried)) < least:
                best, least = tried, rate
    return best, least


def diarizer_thresholds(told: Sequence[RecordingInMemory]) -> dict[str, object]:
    """What the card publishes of the shipped diarizer, by development conversations."""
    answers = probable(told)
    post, least = best_post(answers)
    found = confidence.judge([each.answer(post) for each in answers])
    print(f"development: DER {least:.4f}, AUROC {confidence.measure(found).auroc} with {post}")
    return {
        "uncertain_confidence": confidence.best_threshold(found),
        "postprocessing": asdict(post),
    }
