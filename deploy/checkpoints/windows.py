"""Windows of single voices with the teacher's answer, and their augmentation: what trains the
TitaNet.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from deploy.checkpoints import teacher
from deploy.checkpoints.conversations import BANDS
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


def blocks(voices: list[PoolVoice], cache: Path, most: int = 16) -> Blocks:
    """At most ``most`` blocks of every pool voice, from the cache or taught now."""
    folder = cache / "blocks"
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
    count = int(taught.voice.max()) + 1
    means = np.stack([taught.embedding[taught.voice == index].mean(0) for index in range(count)])
    centre = means.mean(0)
    directions = torch.nn.functional.normalize(torch.from_numpy(means - centre), dim=1)
    own = torch.nn.functional.normalize(torch.from_numpy(taught.embedding - centre), dim=1)
    return Targets(torch.nn.functional.normalize(own + directions[taught.voice], dim=1), directions)


def draw(
    rng: np.random.Generator,
    taught: Blocks,
    chances: npt.NDArray[np.float64],
    size: int,
    seconds: float,
    spaces: list[list[Samples]],
    noises: list[Samples],
) -> tuple[torch.Tensor, npt.NDArray[np.int64]]:
    """Augmented windows (size, samples) and the index of each one's block; ``chances`` is per
    block.
    """
    chosen = rng.choice(len(chances), size, p=chances)
    length = int(seconds * SAMPLE_RATE)
    audio = np.empty((size, length), np.float32)
    for row, index in enumerate(chosen):
        start = int(rng.integers(taught.audio.shape[1] - length + 1))
        window = np.asarray(taught.audio[index, start : start + length] / 32768, np.float32)
        space = spaces[int(rng.integers(len(spaces)))] if rng.random() < 0.4 else None
        noisy = rng.random() < 0.6
        acoustics = Acoustics(
            responses=[space[int(rng.integers(len(space)))]] if space else None,
            colour_db=float(rng.uniform(0, 8)) if rng.random() < 0.7 else 0.0,
            band=BANDS[int(rng.integers(len(BANDS)))] if rng.random() < 0.3 else None,
            snr_db=float(rng.uniform(3, 30)) if noisy else None,
        )
        audio[row] = mix(
            rng, [window], acoustics, noises[int(rng.integers(len(noises)))] if noisy else None
        )
    return torch.from_numpy(audio), chosen
