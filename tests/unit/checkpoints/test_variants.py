"""Variants of a voice: as long as the speed says, its stretches side by side."""

import numpy as np
import pytest

from deploy.checkpoints import pool
from deploy.checkpoints.corpus import Speech
from deploy.checkpoints.pool import UNCHANGED, VARIANTS, Variant
from deploy.checkpoints.speech import SAMPLE_RATE

LENGTHS = (100, 20_000, 32_000)  # samples; the first is shorter than a window of the spectrum


def spoken() -> Speech:
    ends = np.cumsum(LENGTHS)
    noise = np.random.default_rng(0).normal(0, 1500, ends[-1]).astype(np.int16)
    return Speech(noise, np.stack([ends - LENGTHS, ends], 1), np.array([0, 0, 1]))


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_variant_has_all_stretches_at_its_speed(variant: Variant) -> None:
    changed = pool.changed(spoken(), variant)
    starts, ends = changed.bounds.T
    assert starts[0] == 0
    assert starts[1:].tolist() == ends[:-1].tolist()
    assert ends[-1] == len(changed.samples)
    assert (ends - starts) == pytest.approx(np.array(LENGTHS) / variant.speed, abs=2)
    assert changed.recording.tolist() == [0, 0, 1]


def test_of_much_speech_every_variant_takes_another_part() -> None:
    seconds = 2 * int(pool.LONGEST_S)
    ends = SAMPLE_RATE * np.arange(1, seconds + 1)
    speech = Speech(
        np.zeros(ends[-1], np.int16),
        np.stack([ends - SAMPLE_RATE, ends], 1),
        np.arange(seconds),
    )
    first = {int(pool.changed(speech, variant).recording[0]) for variant in VARIANTS[:4]}
    assert len(first) == 4


def test_names_tell_variants_apart_and_keep_the_plain_ones_short() -> None:
    assert len({str(variant) for variant in VARIANTS}) == len(VARIANTS)
    assert str(UNCHANGED) == "1"
    assert str(Variant(0.9, 1.1)) == "0.9*1.1"
