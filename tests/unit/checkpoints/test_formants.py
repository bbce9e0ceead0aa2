"""Formants move by what was asked for, the pitch stays."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from deploy.checkpoints import formants
from deploy.checkpoints.speech import SAMPLE_RATE, Samples

PERIOD = 128  # samples: a pitch of 125 Hz
FORMANT_HZ = 1_500.0


def vowel() -> Samples:
    """One second of pulses through one resonance."""
    pulses = np.zeros(SAMPLE_RATE)
    pulses[::PERIOD] = 1.0
    radius, angle = 0.97, 2 * np.pi * FORMANT_HZ / SAMPLE_RATE
    sounded = scipy.signal.lfilter([1.0], [1, -2 * radius * np.cos(angle), radius**2], pulses)
    return np.asarray(0.1 * sounded / np.abs(sounded).max(), np.float32)


def loudest_hz(samples: Samples) -> float:
    """Of the spectrum in windows shorter than two periods, where harmonics hardly show."""
    hertz, power = scipy.signal.welch(samples, SAMPLE_RATE, nperseg=200, nfft=4096)
    return float(hertz[np.argmax(power)])


def period(samples: Samples) -> int:
    middle = samples[4_000:12_000].astype(np.float64)
    alike = np.correlate(middle, middle, "full")[len(middle) - 1 :]
    return 60 + int(np.argmax(alike[60:200]))


@pytest.mark.parametrize("ratio", [0.8, 0.9, 1.16, 1.3])
def test_the_formant_moves_and_the_pitch_does_not(ratio: float) -> None:
    spoken = vowel()
    moved = formants.moved(spoken, ratio)
    assert moved.dtype == np.float32
    assert loudest_hz(moved) / loudest_hz(spoken) == pytest.approx(ratio, rel=0.06)
    assert period(moved) == period(spoken) == PERIOD


@given(st.integers(formants.WINDOW, 3_000), st.floats(0.75, 1.35))
def test_it_is_as_long_and_hardly_louder(length: int, ratio: float) -> None:
    noise = np.random.default_rng(length).normal(0, 0.05, length).astype(np.float32)
    moved = formants.moved(noise, ratio)
    assert moved.shape == noise.shape
    assert np.isfinite(moved).all()
    assert np.square(moved).mean() < 4 * np.square(noise).mean()


def test_formants_that_stay_change_nothing() -> None:
    assert np.abs(formants.moved(vowel(), 1.0) - vowel()).max() < 1e-5
