"""Who speaks when: conversations drawn from turn-taking statistics instead of random placement.

Gaps, overlaps and turn lengths follow the picture of conversation analysis (most turns change
after 0 to 0.5 s, a part of them with a short overlap, listeners drop back-channels into long
turns); the idea of drawing them from distributions is that of the "simulated conversations" of
Landini et al. (2022) and of NeMo's multi-speaker simulator.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Manner:
    """The statistics of one conversation; times in seconds."""

    turn_median: float = 2.5
    turn_spread: float = 0.7  # sigma of the log-normal
    pause_mean: float = 0.4  # between turns
    overlapped: float = 0.3  # share of the changes of turn that begin before the other ends
    overlap_mean: float = 0.6
    back_channels: float = 0.15  # chance of one in a turn longer than 2 s
    same_again: float = 0.1  # chance that the speaker goes on after a pause
    long_pause: float = 0.04  # chance that a pause is of 1 to 4 s
    joined: float = 0.6  # chance that two stretches of a turn follow without a pause
    breath_mean: float = 0.25  # the pause between two stretches otherwise


@dataclass(frozen=True)
class Turn:
    """One turn: ``speaker`` is an index from 0; times in seconds."""

    speaker: int
    start: float
    length: float


def draw_manner(rng: np.random.Generator, overlap: bool) -> Manner:
    """A conversation's manner; without ``overlap`` nobody interrupts anybody."""
    return Manner(
        turn_median=float(rng.uniform(1.2, 4.5)),
        turn_spread=float(rng.uniform(0.4, 0.9)),
        pause_mean=float(rng.uniform(0.1, 0.8)),
        overlapped=float(rng.uniform(0.1, 0.7)) if overlap else 0.0,
        overlap_mean=float(rng.uniform(0.3, 1.2)),
        back_channels=float(rng.uniform(0.0, 0.35)) if overlap else 0.0,
        same_again=float(rng.uniform(0.0, 0.25)),
        long_pause=float(rng.uniform(0.0, 0.08)),
        joined=float(rng.uniform(0.2, 1.0)),
        breath_mean=float(rng.uniform(0.1, 0.4)),
    )


def turns(rng: np.random.Generator, speakers: int, duration: float, manner: Manner) -> list[Turn]:
    """The turns of a conversation of ``duration`` seconds in which every speaker speaks."""
    appetite = rng.dirichlet(np.full(speakers, 3.0)) if speakers > 1 else np.ones(1)
    silent = list(rng.permutation(speakers))
    clock = float(rng.exponential(0.3))
    current, drawn = -1, list[Turn]()
    while clock < duration - 0.3:
        if silent and (current < 0 or rng.random() < 0.7):
            following = int(silent.pop())
        elif speakers == 1 or (current >= 0 and rng.random() < manner.same_again):
            following = max(current, 0)
        else:
            weights = appetite.copy()
            if current >= 0:
                weights[current] = 0
            following = int(rng.choice(speakers, p=weights / weights.sum()))
            silent = [index for index in silent if index != following]
        length = float(
            np.clip(rng.lognormal(np.log(manner.turn_median), manner.turn_spread), 0.4, 12.0)
        )
        changed = following != current and current >= 0
        if changed and rng.random() < manner.overlapped:
            last = drawn[-1]
            clock = max(
                last.start + 0.3,
                clock - min(float(rng.exponential(manner.overlap_mean)), 0.6 * last.length),
            )
        elif current >= 0:
            pause = (
                rng.uniform(1, 4)
                if rng.random() < manner.long_pause
                else rng.exponential(manner.pause_mean)
            )
            clock += float(pause)
        length = min(length, duration - clock)
        if length < 0.2:
            break
        drawn.append(Turn(following, clock, length))
        if speakers > 1 and length > 2 and rng.random() < manner.back_channels:
            other = int((following + rng.integers(1, speakers)) % speakers)
            drawn.append(
                Turn(
                    other,
                    clock + float(rng.uniform(0.3, length - 1.2)),
                    float(rng.uniform(0.3, 0.9)),
                )
            )
        current, clock = following, clock + length
    return drawn
