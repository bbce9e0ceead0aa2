"""Batches of conversations: features, who speaks when, and what the teacher hears of each voice."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from nemo.collections.asr.models import SortformerEncLabelModel
from torch.nn import functional

from deploy.checkpoints.conversations import Conversation, Conversations, Difficulty
from deploy.checkpoints.pool import PoolVoice
from deploy.checkpoints.sessions import frames
from deploy.checkpoints.sortformer import ENCODER_WIDTH, FRAME_S, HOPS, SPEAKERS
from deploy.checkpoints.stages import PASSAGE, PASSAGE_S, Stage
from deploy.checkpoints.teacher import DIMENSIONS, FRAME
from deploy.checkpoints.tracks import DEEP

OTHERS = 1000
SILENCE = 0  # the coordinate of the states that means silence, the first


@dataclass(frozen=True)
class Batch:
    """Features (batch, mel, frames), their lengths, activity (batch, out frames, speakers), and
    what the encoder is to hear: where its states shall point (batch, out frames, encoder width),
    what the teacher pools (batch, out frames, ``DEEP``), and where other voices' frames point
    (``OTHERS``, encoder width).
    """

    features: torch.Tensor
    lengths: torch.Tensor
    active: torch.Tensor
    states: torch.Tensor
    deep: torch.Tensor
    others: torch.Tensor
    passages: bool = False  # of single voices: nothing to diarize


@cache
def projection() -> npt.NDArray[np.float32]:
    """What takes the teacher's embeddings to the states' coordinates (192, encoder width), all but
    the one of silence.
    """
    drawn = np.random.default_rng(7).normal(size=(DIMENSIONS, ENCODER_WIDTH - 1))
    return np.insert(np.linalg.qr(drawn)[0], SILENCE, 0, axis=1).astype(np.float32)


def draw(
    model: SortformerEncLabelModel,
    source: Conversations,
    rng: np.random.Generator,
    current: Stage,
    kind: np.random.Generator,
) -> Batch:
    """One batch of equally long conversations; ``kind`` draws whether they are passages, and how
    long: the same in all processes, so that none waits for another.
    """
    passages = kind.random() < current.passages
    seconds = float(kind.uniform(*(PASSAGE_S if passages else current.seconds)))
    difficulty = PASSAGE if passages else Difficulty()
    spoken = replace(difficulty, nobody=0.0)  # of one at least, or there is nothing to compare
    drawn = [
        source.draw(rng, seconds, difficulty if row else spoken)
        for row in range(max(2, round(current.audio_s / seconds)))
    ]
    return replace(collate(model, drawn, source.pool, rng), passages=passages)


def collate(
    model: SortformerEncLabelModel,
    drawn: list[Conversation],
    pool: list[PoolVoice],
    rng: np.random.Generator | None = None,
) -> Batch:
    """Features and targets of the conversations; where nobody's voices are known to the teacher
    (``pool`` is empty) the targets of the encoder are zeros.
    """
    features, lengths = mel(model, np.stack([entry.samples for entry in drawn]))
    count = int(features.shape[2]) // HOPS
    active = torch.from_numpy(
        np.stack([frames(entry.spans, SPEAKERS, count, FRAME_S) for entry in drawn])
    )
    states = torch.zeros(len(drawn), count, ENCODER_WIDTH)
    deep, others = torch.zeros(len(drawn), count, DEEP), torch.zeros(0, ENCODER_WIDTH)
    if pool and rng is not None:
        down = projection()
        for row, entry in enumerate(drawn):
            states[row], deep[row] = heard(entry, pool, count, down)
        others = functional.normalize(torch.from_numpy(_anybody(pool, rng) @ down), dim=1)
    return Batch(features, lengths, active, states, deep, others)


@torch.no_grad()
def mel(
    model: SortformerEncLabelModel, samples: npt.NDArray[np.float32]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (batch, mel, frames) of samples (batch, samples), and their lengths; without the
    dither of training, which makes a hiss of silence.
    """
    model.preprocessor.eval()
    audio = torch.from_numpy(samples)
    audio = audio / (audio.amax(1, keepdim=True) + 1e-3)  # as NeMo does at inference, but per row
    features, lengths = model.preprocessor(
        input_signal=audio, length=torch.full((len(audio),), audio.shape[1])
    )
    return features[:, :, : int(lengths.max())], lengths


def heard(
    entry: Conversation, pool: list[PoolVoice], count: int, down: npt.NDArray[np.float32]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the states of a conversation should point (count, encoder width), and what the teacher
    pools there (count, ``DEEP``): of who speaks, summed.
    """
    local, deep = np.zeros((count, DIMENSIONS), np.float32), np.zeros((count, DEEP), np.float32)
    silent, middle = np.ones(count, bool), np.arange(count) * FRAME + FRAME // 2
    for span in entry.spans:
        voice = pool[entry.voices[span.speaker]]
        assert voice.local is not None
        assert voice.deep is not None
        place = np.flatnonzero((middle >= span.start) & (middle < span.end))
        source = ((span.source + middle[place] - span.start) // FRAME).clip(
            max=len(voice.local) - 1
        )
        local[place] += voice.local[source]
        deep[place] += voice.deep[source]
        silent[place] = False
    states = local @ down
    states[silent, SILENCE] = 1.0
    return torch.from_numpy(states), torch.from_numpy(deep)


def _anybody(pool: list[PoolVoice], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """The teacher's embeddings (``OTHERS``, 192) of any frames of any voices."""
    chosen = rng.integers(len(pool), size=OTHERS)
    locals_ = [pool[index].local for index in chosen]
    return np.stack(
        [frames_[rng.integers(len(frames_))] for frames_ in locals_ if frames_ is not None]
    ).astype(np.float32)
