"""Bytes become 16 kHz mono float32. Runs in worker processes: imports no torch."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
import soundfile
import soxr
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.error import FFmpegError
from numpy.typing import NDArray

from consumer.audio.containers import Container, check_whole, sniff, truncated
from consumer.audio.mp3 import with_stated_length
from consumer.audio.timeline import Timeline
from consumer.errors import PermanentError, Reason
from consumer.inference.results import SAMPLE_RATE, Waveform

_BLOCK = 1 << 15  # frames decoded at a time: what bounds memory whatever a header says
_UNKNOWN_LENGTH = 1 << 60  # libsndfile gives about 2**63 frames where the header gives none

Block = NDArray[np.float32]
"""Decoded frames, shape (frames, channels), float32."""


@dataclass(frozen=True)
class DecodeLimits:
    """What is refused. Rates in Hz."""

    max_duration_s: float = 900.0
    max_channels: int = 32
    min_rate: int = 4_000
    max_rate: int = 192_000


def decode(
    data: bytes, *, channel: int | None = None, limits: DecodeLimits = DecodeLimits()
) -> Waveform:
    """Decode WAV, FLAC, OGG (Vorbis, Opus, FLAC), MP3, WebM/Matroska or MP4/M4A.

    The kind is taken from the bytes. `channel` (from 0) chooses one channel; None averages all.
    Blocks are decoded, mixed and resampled (soxr, HQ) one after the other, and it stops at
    `limits.max_duration_s`: ten hours of silence in 100 kB are never expanded.

    Where the timestamps of WebM/Matroska or MP4 leave more than 50 ms out, silence is put, so that
    what follows keeps its time. Time counts from the first sample.

    Returns shape (samples,), float32, 16 kHz, n * 16000 / rate samples (rounded) for n frames.
    Raises PermanentError: EMPTY_OBJECT, NOT_AUDIO, TRUNCATED_AUDIO, EMPTY_AUDIO,
    NON_FINITE_SAMPLES, TOO_LONG, TOO_MANY_CHANNELS, CHANNEL_OUT_OF_RANGE or
    UNSUPPORTED_SAMPLE_RATE.
    """
    if not data:
        raise PermanentError(Reason.EMPTY_OBJECT, "there are no bytes")
    container = sniff(data)
    whole = check_whole(container, data)
    mixer = _Mixer(channel, limits)
    if container.demuxer is None:
        _decode_sndfile(whole, container, mixer)
    else:
        _decode_av(whole, container, mixer)
    return mixer.finish()


class _Mixer:
    """Takes blocks of one rate and channel count, holds them to the limits, makes the waveform."""

    def __init__(self, channel: int | None, limits: DecodeLimits) -> None:
        self._channel = channel
        self._limits = limits
        self._rate = 0
        self._channels = 0
        self._resample: Callable[[Block, bool], Block] = lambda mono, _last: mono
        self._parts: list[Block] = []
        self.frames = 0

    def begin(self, rate: int, channels: int) -> None:
        """State what comes; refuse it where a limit says so."""
        limits = self._limits
        if not limits.min_rate <= rate <= limits.max_rate:
            raise PermanentError(
                Reason.UNSUPPORTED_SAMPLE_RATE,
                f"{rate} Hz; from {limits.min_rate} to {limits.max_rate} Hz are read",
            )
        if channels > limits.max_channels:
            raise PermanentError(
                Reason.TOO_MANY_CHANNELS, f"{channels} channels; the limit is {limits.max_channels}"
            )
        if self._channel is not None and not 0 <= self._channel < channels:
            raise PermanentError(
                Reason.CHANNEL_OUT_OF_RANGE,
                f"channel {self._channel} of {channels} (they count from 0)",
            )
        self._rate, self._channels = rate, channels
        if rate != SAMPLE_RATE:
            stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
            self._resample = stream.resample_chunk

    def expect(self, seconds: float) -> None:
        """Refuse what is longer than the limit, by declaration or by what has been decoded."""
        if seconds > self._limits.max_duration_s:
            raise PermanentError(
                Reason.TOO_LONG,
                f"{seconds:.1f} s or more; the limit is {self._limits.max_duration_s:g} s",
            )

    def add(self, block: Block) -> None:
        """Mix and resample one block of shape (frames, channels)."""
        self.frames += len(block)
        self.expect(self.frames / self._rate)
        if not np.isfinite(block).all():
            raise _non_finite()
        if self._channel is not None:
            mono = block[:, self._channel]
        elif self._channels > 1:
            with np.errstate(over="ignore"):  # `finish` looks for what overflowed
                mono = block.mean(axis=1, dtype=np.float32)
        else:
            mono = block[:, 0]
        self._parts.append(self._resample(np.ascontiguousarray(mono), False))

    def pause(self, frames: int) -> None:
        """Add silence."""
        self.expect((self.frames + frames) / self._rate)
        while frames > 0:
            block = np.zeros((min(frames, _BLOCK), self._channels), np.float32)
            self.add(block)
            frames -= len(block)

    def finish(self) -> Waveform:
        """All of it."""
        if self.frames == 0:
            raise PermanentError(Reason.EMPTY_AUDIO, "there are no samples")
        self._parts.append(self._resample(np.empty(0, np.float32), True))
        waveform = np.concatenate(self._parts)
        if not len(waveform):
            raise PermanentError(Reason.EMPTY_AUDIO, f"only {self.frames} samples")
        if not np.isfinite(waveform).all():  # huge samples overflow in the mean or the filter
            raise _non_finite()
        return waveform


def _non_finite() -> PermanentError:
    return PermanentError(Reason.NON_FINITE_SAMPLES, "a sample is not a finite number")


class _ForwardFile(soundfile.SoundFile):  # type: ignore[misc]  # it has no types
    """A sound file read from its beginning to its end.

    soundfile seeks to where it is after every read of a seekable file. In an MP3, whose frames lean
    on earlier ones, that is heard: errors of half the amplitude at every seam between two blocks.
    """

    def seekable(self) -> bool:
        return False


def _decode_sndfile(data: bytes, container: Container, mixer: _Mixer) -> None:
    stated = True
    if container is Container.MP3:
        data, stated = with_stated_length(data)
    try:
        sound = _ForwardFile(io.BytesIO(data))
    except soundfile.LibsndfileError as error:
        # Without its prefix, which names the file in memory: another address each time.
        raise _not_audio(container, error.error_string) from None
    with sound:
        mixer.begin(sound.samplerate, sound.channels)
        promised = sound.frames if stated and 0 <= sound.frames < _UNKNOWN_LENGTH else None
        if promised is not None:
            mixer.expect(promised / sound.samplerate)
        try:
            while len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
                mixer.add(block)
        except soundfile.LibsndfileError as error:
            raise truncated(
                f"{container.title}: {error.error_string} after {mixer.frames} frames"
            ) from None
        if promised is not None and mixer.frames < promised:
            raise truncated(
                f"the {container.title} header promises {promised} frames, {mixer.frames} came"
            )


def _decode_av(data: bytes, container: Container, mixer: _Mixer) -> None:
    try:
        with av.open(
            io.BytesIO(data), mode="r", format=container.demuxer, metadata_errors="replace"
        ) as opened:
            if not opened.streams.audio:
                raise PermanentError(Reason.NOT_AUDIO, f"{container.title} without an audio track")
            stream = opened.streams.audio[0]
            # The annotation of PyAV leaves out that it is None for a codec FFmpeg does not know.
            context: AudioCodecContext | None = stream.codec_context
            if context is None:
                raise PermanentError(Reason.NOT_AUDIO, f"{container.title} with an unknown codec")
            context.thread_count = 1
            if stream.duration is not None and stream.time_base is not None:
                mixer.expect(float(stream.duration * stream.time_base))
            elif opened.duration is not None:
                mixer.expect(opened.duration / av.time_base)
            form: tuple[int, int] | None = None
            timeline = Timeline()
            for frame in opened.decode(stream):
                if form is None:
                    form = (frame.sample_rate, frame.layout.nb_channels)
                    mixer.begin(*form)
                if (frame.sample_rate, frame.layout.nb_channels) != form:
                    raise PermanentError(
                        Reason.NOT_AUDIO,
                        f"{container.title}: the sample rate or the channels change midway",
                    )
                mixer.pause(timeline.missing(frame, mixer.frames))
                mixer.add(_block(frame))
    except (FFmpegError, ValueError, UnicodeError) as error:
        if mixer.frames:
            raise truncated(f"{container.title}: {error} after {mixer.frames} frames") from None
        raise _not_audio(container, str(error)) from None


def _block(frame: AudioFrame) -> Block:
    samples: NDArray[Any] = frame.to_ndarray()
    # Planar frames come as (channels, frames), packed ones as (1, frames * channels).
    planar = frame.format.is_planar
    frames = samples.T if planar else samples.reshape(-1, frame.layout.nb_channels)
    block = frames.astype(np.float32)
    match samples.dtype.kind, samples.dtype.itemsize:
        case "u", 1:
            return (block - 128.0) / 128.0
        case "i", width:
            return block / float(1 << (8 * width - 1))
    return block


def _not_audio(container: Container, what: str) -> PermanentError:
    return PermanentError(Reason.NOT_AUDIO, f"begins as {container.title}, but: {what}")
