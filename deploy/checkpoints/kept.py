"""Conversations as the encoder hears them, kept: the head learns from them several times over.

To hear takes most of a training step, to name groups takes most of the steps. A head does not know
the order of frames, so that blocks of one conversation make ever new ones; and its voices are
turned in the space of voices, so that it names groups by comparison and not by what they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from nemo.collections.asr.models import SortformerEncLabelModel

from deploy.checkpoints import batches, precision
from deploy.checkpoints.batches import SILENCE, Batch
from deploy.checkpoints.conversations import Conversations, Difficulty
from deploy.checkpoints.sortformer import ENCODER_WIDTH, SPEAKERS

AUDIO_S = 100.0  # about, in one pass of the encoder
# frames that stay together, in lessons of fewer frames than the first figure
BLOCKS = ((64, (2, 8)), (160, (4, 20)), (1_000_000, (8, 40)))
# share of the conversations of known voices in which those come nearer to their mean, and the least
# of the distance that is left
NEARER, NEAREST = 0.4, 0.45
# share of the conversations in which what varies within a voice grows, and how much at most: within
# an unknown person twice as much varies as within a known one or a synthetic one
WIDER, WIDEST = 0.5, 1.8
TURNED = 0.3  # share of all whose voices become any others
BENT = 0.35  # share of all whose voices become others that are like them
WANTED = (1.0, 0.7, 0.8, 1.0)  # chance to take a conversation with 1, 2, 3, 4 voices that is drawn


@dataclass(frozen=True)
class Kept:
    """States (frames, encoder width) and activity (frames, speakers).

    Arrays, since every tensor that comes from another process holds a file open.
    """

    states: npt.NDArray[np.float16]
    active: npt.NDArray[np.uint8]
    known: bool = True  # whether the encoder has learnt from these voices


def keep(
    model: SortformerEncLabelModel,
    source: Conversations,
    rng: np.random.Generator,
    seconds: tuple[float, float],
    known: bool = True,
) -> list[Kept]:
    """What the encoder makes of a few conversations of equal length, drawn from ``seconds``."""
    return heard(model, draw_few(model, source, rng, seconds, AUDIO_S), known)


def draw_few(
    model: SortformerEncLabelModel,
    source: Conversations,
    rng: np.random.Generator,
    seconds: tuple[float, float],
    audio_s: float,
) -> Batch:
    """About ``audio_s`` of conversations in which somebody speaks (of silence the head hears
    elsewhere), of equal length, without the encoder's targets.
    """
    length = float(rng.uniform(*seconds))
    spoken = Difficulty(nobody=0.0)
    drawn = [source.draw(rng, length, spoken) for _ in range(max(1, round(audio_s / length)))]
    return batches.collate(model, drawn, [])


# Not inference mode: NeMo makes more positions for the first longer audio, and training needs them.
@torch.no_grad()
def heard(model: SortformerEncLabelModel, batch: Batch, known: bool) -> list[Kept]:
    """What the encoder makes of a batch of conversations."""
    with precision.products():
        encoded, _ = model.encoder(audio_signal=batch.features, length=batch.lengths)
    count = min(encoded.shape[2], batch.active.shape[1])
    return of(encoded.transpose(1, 2)[:, :count], batch.active[:, :count], known)


def of(states: torch.Tensor, active: torch.Tensor, known: bool = True) -> list[Kept]:
    """Conversations from states (conversations, frames, encoder width) and activity."""
    arrays = states.half().numpy(), active.byte().numpy()
    return [Kept(*each, known) for each in zip(*arrays, strict=True)]


def draw(
    kept: Sequence[Kept], rng: np.random.Generator, size: int, count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """``size`` conversations of ``count`` frames, put together from blocks: states (size, count,
    encoder width) and activity (size, count, speakers).
    """
    states = torch.empty(size, count, ENCODER_WIDTH)
    active = torch.empty(size, count, SPEAKERS)
    known = np.empty(size, bool)
    row = 0
    while row < size:
        chosen = kept[int(rng.integers(len(kept)))]
        rows = _blocks(rng, len(chosen.states), count)
        said = chosen.active[rows]
        voices = int((said.sum(0) > 0).sum())
        if voices > 0 and rng.random() < WANTED[voices - 1]:
            states[row] = torch.from_numpy(chosen.states[rows])
            active[row] = torch.from_numpy(said)
            known[row] = chosen.known
            row += 1
    return _turned(_as_unknown(states, active, known, rng), rng), active


def _blocks(rng: np.random.Generator, have: int, count: int) -> npt.NDArray[np.int64]:
    """``count`` of ``have`` frames, in blocks; some of them twice where there are too few."""
    shortest, longest = next(each for most, each in BLOCKS if count < most)
    block, offset = int(rng.integers(shortest, longest)), int(rng.integers(shortest))
    edges = np.clip(np.arange(-offset, have + block, block), 0, have)
    order = rng.permutation(len(edges) - 1)
    rows = np.concatenate([np.arange(edges[index], edges[index + 1]) for index in order])
    return np.sort(np.resize(rows, count))


def _as_unknown(
    states: torch.Tensor,
    active: torch.Tensor,
    known: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> torch.Tensor:
    """Make known voices as near to their mean, and as various in themselves, as unknown people
    are; strangers, which are synthetic, come no nearer and grow as a whole.
    """
    size, spoken = len(states), active.sum(2, keepdim=True)
    alone = active * (spoken == 1)
    heard = torch.where((alone.sum(1) > 0)[:, None], alone, active)
    centres = heard.transpose(1, 2) @ states / heard.sum(1).clamp(min=1)[..., None]
    present = (active.sum(1) > 0).float()[..., None]
    mean = (centres * present).sum(1, keepdim=True) / present.sum(1, keepdim=True)
    wider = np.where(rng.random(size) < WIDER, rng.uniform(1, WIDEST, size), 1.0)
    nearer = np.where(rng.random(size) < NEARER, rng.uniform(NEAREST, 1, size), 1.0)
    scales = np.stack([np.where(known, nearer, wider), wider]) - 1
    between, within = torch.from_numpy(scales).float()[..., None, None]
    said = active / spoken.clamp(min=1)
    moved = states + said @ (centres - mean) * between + (states - said @ centres) * within
    shorter = states.norm(dim=2, keepdim=True) / moved.norm(dim=2, keepdim=True)
    return torch.where(spoken > 0, moved * shorter.clamp(max=1.6), states)


def _turned(states: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Turn the voices of some conversations, in place, wholly or a little; not silence."""
    drawn = rng.random(len(states))
    rows = torch.from_numpy(np.flatnonzero(drawn < TURNED + BENT))
    keeps = np.where(drawn < TURNED, 0.0, np.exp(rng.uniform(-0.5, 1.6, len(states))))
    voices = states[..., SILENCE + 1 :]
    width = voices.shape[-1]
    stays = torch.from_numpy(keeps).float()[rows, None, None] * torch.eye(width)
    turn, upper = torch.linalg.qr(torch.randn(len(rows), width, width) / width**0.5 + stays)
    turn *= torch.sign(torch.diagonal(upper, dim1=1, dim2=2))[:, None]  # which it leaves open
    voices[rows] = voices[rows] @ turn
    return states
