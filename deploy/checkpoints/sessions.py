"""Mixes conversations: turns filled with speech, rooms, microphones, noise, lines and codecs."""

from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
import numpy.typing as npt
import scipy.signal

from deploy.checkpoints.corpus import Speech
from deploy.checkpoints.rooms import colour
from deploy.checkpoints.speech import SAMPLE_RATE, Samples, decode
from deploy.checkpoints.turns import Manner, Turn


@dataclass(frozen=True)
class Span:
    """Speech of one speaker (index from 0), in samples."""

    speaker: int
    start: int
    end: int
    source: int = 0  # where in the voice's own samples it begins


@dataclass(frozen=True)
class Acoustics:
    """What lies between the mouths and the file."""

    responses: list[Samples] | None = None  # one per speaker; None is a dry recording
    gains_db: tuple[float, ...] = ()  # one per speaker
    colour_db: float = 0.0  # depth of each speaker's random equalisation
    band: tuple[float, float] | None = None  # Hz, for example (200, 3500) for a telephone
    snr_db: float | None = None
    opus_bps: int | None = None


def fill(
    rng: np.random.Generator, turns: list[Turn], voices: list[Speech], manner: Manner, samples: int
) -> tuple[list[Samples], list[Span]]:
    """A track per speaker, and where speech is; turns take consecutive stretches of a voice."""
    tracks = [np.zeros(samples, np.float32) for _ in voices]
    spans: list[Span] = []
    cursor = [int(rng.integers(len(voice.bounds))) for voice in voices]
    busy = [0] * len(voices)
    for turn in sorted(turns, key=lambda turn: turn.start):
        voice, track = voices[turn.speaker], tracks[turn.speaker]
        position = max(int(turn.start * SAMPLE_RATE), busy[turn.speaker])
        stop = min(int((turn.start + turn.length) * SAMPLE_RATE), samples)
        while stop - position > SAMPLE_RATE // 8:
            source = int(voice.bounds[cursor[turn.speaker], 0])
            piece = voice.stretch(cursor[turn.speaker])[: stop - position]
            cursor[turn.speaker] = (cursor[turn.speaker] + 1) % len(voice.bounds)
            if len(piece) == stop - position:  # cut short: fade, so that no click marks the end
                piece = piece.copy()
                piece[-160:] *= np.linspace(1, 0, 160, dtype=np.float32)
            track[position : position + len(piece)] += piece
            spans.append(Span(turn.speaker, position, position + len(piece), source))
            position += len(piece)
            if rng.random() > manner.joined:
                position += int(rng.exponential(manner.breath_mean) * SAMPLE_RATE)
        busy[turn.speaker] = max(busy[turn.speaker], position)
    return tracks, spans


def mix(
    rng: np.random.Generator, tracks: list[Samples], acoustics: Acoustics, noise: Samples | None
) -> Samples:
    """One channel of float32 with a peak under 1; ``noise`` is looped to the length."""
    length = len(tracks[0])
    total = np.zeros(length, np.float32)
    for index, track in enumerate(tracks):
        taps = (
            colour(rng, acoustics.colour_db, acoustics.band)
            if acoustics.colour_db or acoustics.band
            else None
        )
        delay = 64 if taps is not None else 0  # a linear-phase filter is late by half its length
        if acoustics.responses is not None:
            response = acoustics.responses[index]
            delay += int(np.argmax(np.abs(response)))
            taps = response if taps is None else np.convolve(taps, response)
        if taps is not None:
            track = scipy.signal.oaconvolve(track, taps)[delay : delay + length].astype(np.float32)
        power = float(np.sqrt(np.mean(track**2)) / np.sqrt(max(np.mean(track != 0), 1e-3)))
        gain = 10 ** (acoustics.gains_db[index] / 20) if acoustics.gains_db else 1.0
        total += track * (0.06 * gain / max(power, 1e-4))
    if acoustics.snr_db is not None and noise is not None:
        speech_power = np.mean(total**2) + 1e-9
        looped = np.resize(np.roll(noise, -int(rng.integers(len(noise)))), length)
        if acoustics.band:
            looped = scipy.signal.oaconvolve(looped, colour(rng, 0.1, acoustics.band))[:length]
        total += looped * np.sqrt(
            speech_power / (np.mean(looped**2) + 1e-9) / 10 ** (acoustics.snr_db / 10)
        )
    total *= np.float32(min(1.0, 0.95 / max(float(np.abs(total).max()), 1e-6)))
    return opus(total, acoustics.opus_bps) if acoustics.opus_bps else total


def opus(samples: Samples, bits_per_second: int) -> Samples:
    """Through the Opus codec and back, the same length."""
    decoded = decode(opus_file(samples, bits_per_second))[: len(samples)]
    return np.pad(decoded, (0, len(samples) - len(decoded)))


def opus_file(samples: Samples, bits_per_second: int) -> bytes:
    """An Ogg file of the samples in Opus, one channel."""
    buffer = BytesIO()
    with av.open(buffer, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=SAMPLE_RATE)
        stream.bit_rate = bits_per_second
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(
            (samples * 32767).astype(np.int16)[None], format="s16", layout="mono"
        )
        frame.rate, frame.time_base, frame.pts = SAMPLE_RATE, Fraction(1, SAMPLE_RATE), 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return buffer.getvalue()


def frames(spans: list[Span], speakers: int, count: int, step: float) -> npt.NDArray[np.float32]:
    """Activity (count, speakers), 1 where speech covers at least half of a frame of ``step``
    seconds.
    """
    covered = np.zeros((count + 1, speakers), np.float32)
    hop = step * SAMPLE_RATE
    for span in spans:
        first, last = span.start / hop, span.end / hop
        a, b = int(first), min(int(last), count)
        if a >= count:
            continue
        covered[a:b, span.speaker] += 1
        covered[a, span.speaker] -= first - a
        covered[b, span.speaker] += last - int(last) if b == int(last) else 0
    return (covered[:count] >= 0.5).astype(np.float32)
