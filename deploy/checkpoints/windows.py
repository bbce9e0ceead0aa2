"""Windows of single voices with the teacher's answer, and their augmentation: what trains the
TitaNet.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from deploy.checkpoints import teacher
from deploy.checkpoints.conversations import BANDS
from deploy.checkpoints.paths import derived
from deploy.checkpoints.pool import PoolVoice
from deploy.checkpoints.sessions import Acoustics, mix
from deploy.checkpoints.speech import SAMPLE_RATE, Samples

BLOCK_S = 5.0  # the teacher hears this much, the student a part of it


@dataclass(frozen=True)
class Blocks:
    """Blocks of clean speech: ``audio`` (n, samples) int16, ``voice`` (n,), teacher's ``embedding``
    (n, 192).
    """

    audio: npt.NDArray[np.int16]
    voice: npt.NDArray[np.int64]
    embedding: npt.NDArray[np.float32]


def blocks(voices: list[PoolVoice], cache: Path, most: int = 4) -> Blocks:
    """At most ``most`` blocks of every pool voice, from the cache or taught now."""
    folder = derived(cache) / "blocks"
    folder.mkdir(parents=True, exist_ok=True)
    encoder: teacher.Teacher | None = None
    audio, voice, embedding = (
        list[npt.NDArray[np.int16]](),
        list[int](),
        list[npt.NDArray[np.float32]](),
    )
    for index, entry in enumerate(voices):
        stored = folder / f"{entry.name}-{most}.npy"
        joined = entry.speech.samples
        length = int(BLOCK_S * SAMPLE_RATE)
        count = max(1, min(most, len(joined) // length))
        starts = np.linspace(0, max(0, len(joined) - length), count).astype(int)
        cut = np.stack([np.resize(joined[start : start + length], length) for start in starts])
        if not stored.exists():
            encoder = encoder or teacher.Teacher()
            np.save(stored, encoder.embed(np.asarray(cut / 32768, np.float32)))
        audio.append(cut)
        voice.extend([index] * count)
        embedding.append(np.load(stored))
    return Blocks(np.concatenate(audio), np.asarray(voice), np.concatenate(embedding))


@dataclass(frozen=True)
class Targets:
    """What the student shall answer: per block, and the direction of every voice."""

    blocks: torch.Tensor  # (n, 192), unit
    voices: torch.Tensor  # (voices, 192), unit


def targets(taught: Blocks) -> Targets:
    """The teacher's embeddings, centred over the voices, each block drawn half-way to its voice's
    mean.
    """
    middle, means = centre(taught), _means(taught)
    directions = functional.normalize(torch.from_numpy(means - middle), dim=1)
    own = functional.normalize(torch.from_numpy(taught.embedding - middle), dim=1)
    return Targets(functional.normalize(own + directions[taught.voice], dim=1), directions)


def centre(taught: Blocks) -> npt.NDArray[np.float32]:
    """The teacher's mean embedding over the voices (192,): what all speech has in common."""
    return np.asarray(_means(taught).mean(0), np.float32)


def _means(taught: Blocks) -> npt.NDArray[np.float32]:
    count = int(taught.voice.max()) + 1
    means = [taught.embedding[taught.voice == index].mean(0) for index in range(count)]
    return np.stack(means)


def augmented(
    rng: np.random.Generator,
    audio: npt.NDArray[np.int16],
    seconds: float,
    spaces: list[list[Samples]],
    noises: list[Samples],
) -> torch.Tensor:
    """A window of ``seconds`` of every block (n, samples), each through a channel of its own."""
    length = int(seconds * SAMPLE_RATE)
    result = np.empty((len(audio), length), np.float32)
    for row, block in enumerate(audio):
        start = int(rng.integers(len(block) - length + 1))
        window = np.asarray(block[start : start + length] / 32768, np.float32)
        space = spaces[int(rng.integers(len(spaces)))] if rng.random() < 0.4 else None
        noisy = rng.random() < 0.6
        acoustics = Acoustics(
            responses=[space[int(rng.integers(len(space)))]] if space else None,
            colour_db=float(rng.uniform(0, 8)) if rng.random() < 0.7 else 0.0,
            band=BANDS[int(rng.integers(len(BANDS)))] if rng.random() < 0.3 else None,
            snr_db=float(rng.uniform(3, 30)) if noisy else None,
        )
        noise = noises[int(rng.integers(len(noises)))] if noisy else None
        result[row] = mix(rng, [window], acoustics, noise)
    return torch.from_numpy(result)
