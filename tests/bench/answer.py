"""One chunk's answer as a meeting gives it: 20 segments, 3 fingerprints."""

import numpy as np

from consumer.inference.results import Analysis, Fingerprint, Segment

SEGMENTS, SPEAKERS, DURATION_S = 20, 3, 60.0


def analysis() -> Analysis:
    """The same in every process."""
    rng = np.random.default_rng(3)
    step = DURATION_S / SEGMENTS
    voices = rng.normal(size=(SPEAKERS, 192))
    voices /= np.linalg.norm(voices, axis=1, keepdims=True)
    return Analysis(
        duration_s=DURATION_S,
        segments=tuple(
            Segment(n % SPEAKERS, n * step, (n + 0.8) * step, float(rng.uniform(0.5, 1)), 0.0)
            for n in range(SEGMENTS)
        ),
        fingerprints=tuple(
            Fingerprint(n, voice.astype(np.float32), 16.0, True, 0.9, 0.9, 0.9)
            for n, voice in enumerate(voices)
        ),
    )
