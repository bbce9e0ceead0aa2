"""Moves the formants of speech and leaves its pitch and tempo where they are.

A shorter vocal tract has higher formants (Jaitly and Hinton, "Vocal tract length perturbation
improves speech recognition", 2013). The spectral envelope is what is slow in the cepstrum of each
frame; it is stretched along the frequency axis, and the harmonics under it stay.
"""

import numpy as np
import scipy.signal

from deploy.checkpoints.speech import SAMPLE_RATE, Samples

WINDOW, STEP = 512, 128  # samples: 32 and 8 ms
LIFTER = 44  # samples of the cepstrum, 2.75 ms: less than the period of nearly any voice
MOST_DB = 20.0  # that any part of the spectrum is raised or lowered


def moved(samples: Samples, ratio: float) -> Samples:
    """Speech (samples) at 16 kHz whose formants are ``ratio`` times as high; what is shorter than
    a window stays as it is.
    """
    if len(samples) < WINDOW:
        return samples
    window = scipy.signal.ShortTimeFFT.from_window(
        "hann", SAMPLE_RATE, WINDOW, WINDOW - STEP, fft_mode="onesided"
    )
    spectrum = window.stft(samples)  # (frequencies, frames)
    level = np.log(np.abs(spectrum) + 1e-5)
    cepstrum = np.fft.irfft(level, axis=0)
    cepstrum[LIFTER : WINDOW - LIFTER + 1] = 0
    envelope = np.fft.rfft(cepstrum, axis=0).real
    place = np.minimum(np.arange(len(envelope)) / ratio, len(envelope) - 1)
    lower = place.astype(int)
    upper = np.minimum(lower + 1, len(envelope) - 1)
    part = (place - lower)[:, None]
    stretched = envelope[lower] * (1 - part) + envelope[upper] * part
    most = MOST_DB / 20 * np.log(10)
    spectrum *= np.exp(np.clip(stretched - envelope, -most, most))
    return np.asarray(window.istft(spectrum, k1=len(samples)), np.float32)
