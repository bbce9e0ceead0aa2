"""Room responses by the image-source method, and the filters of microphones and lines.

A shoebox room with one absorption for all walls (Allen and Berkley 1979); the reverberation time
gives the absorption by Sabine's formula. One response per talker, all to one microphone.
"""

from dataclasses import dataclass

import numpy as np
import scipy.signal

from deploy.checkpoints.speech import SAMPLE_RATE, Samples

SPEED_OF_SOUND = 343.0  # m/s


@dataclass(frozen=True)
class Room:
    """A room: sides in metres, reverberation time (60 dB) in seconds."""

    sides: tuple[float, float, float]
    t60: float


def draw_room(rng: np.random.Generator) -> Room:
    """From a phone booth to a small hall."""
    sides = (float(rng.uniform(2.5, 9)), float(rng.uniform(2.5, 7)), float(rng.uniform(2.3, 3.6)))
    return Room(sides, float(rng.uniform(0.15, 0.7)))


def responses(
    rng: np.random.Generator, room: Room, talkers: int, longest: float = 0.4
) -> list[Samples]:
    """One impulse response per talker (16 kHz, the direct sound of height 1 near the start)."""
    sides = np.asarray(room.sides)
    volume, surface = (
        sides.prod(),
        2 * (sides[0] * sides[1] + sides[1] * sides[2] + sides[0] * sides[2]),
    )
    absorption = min(0.95, 0.161 * volume / (room.t60 * surface))
    reflection = np.sqrt(1 - absorption)
    microphone = rng.uniform(0.3, 0.7, 3) * sides
    length = min(longest, 1.1 * room.t60)
    reach = length * SPEED_OF_SOUND
    grids = [
        np.arange(-int(np.ceil(reach / (2 * side))), int(np.ceil(reach / (2 * side))) + 1)
        for side in sides
    ]
    result: list[Samples] = []
    for _ in range(talkers):
        source = np.clip(microphone + rng.normal(0, 1, 3) * (0.6, 0.6, 0.2), 0.2, sides - 0.2)
        axes = []  # squared distance and number of reflections of the images along each axis
        for axis in range(3):
            offsets, counts = [], []
            for mirrored in (0, 1):
                position = (1 - 2 * mirrored) * source[axis] + 2 * grids[axis] * sides[axis]
                offsets.append((position - microphone[axis]) ** 2)
                counts.append(np.abs(grids[axis] - mirrored) + np.abs(grids[axis]))
            axes.append((np.concatenate(offsets), np.concatenate(counts)))
        (x2, xn), (y2, yn), (z2, zn) = axes
        distance = np.sqrt(x2[:, None, None] + y2[None, :, None] + z2[None, None, :])
        order = xn[:, None, None] + yn[None, :, None] + zn[None, None, :]
        near = distance < reach
        distance, order = np.maximum(distance[near], 0.1), order[near]
        delay = np.rint(distance / SPEED_OF_SOUND * SAMPLE_RATE).astype(int)
        response = np.bincount(delay, reflection**order / distance)
        response = scipy.signal.lfilter(
            [1, -1], [1, -0.98], response
        )  # images pile up at 0 Hz: cut it
        first = int(delay.min())
        response = response[max(0, first - 8) :]
        result.append((response / np.abs(response).max()).astype(np.float32))
    return result


def colour(
    rng: np.random.Generator, depth_db: float = 6.0, band: tuple[float, float] | None = None
) -> Samples:
    """A filter of 129 taps: a smooth random frequency response, limited to ``band`` (Hz) where
    given.
    """
    knots = np.linspace(0, 1, 8)
    grid = np.linspace(0, 1, 65)
    gain = 10 ** (np.interp(grid, knots, rng.uniform(-depth_db, depth_db, 8)) / 20)
    if band:
        hertz = grid * SAMPLE_RATE / 2
        gain = np.where((hertz < band[0]) | (hertz > band[1]), 10 ** (-45 / 20), gain)
    return np.asarray(scipy.signal.firwin2(129, grid, gain), np.float32)
