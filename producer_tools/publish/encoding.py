"""Chunks as objects: FLAC, which loses nothing but below 16 bits, or Opus, a fraction of its size.

Encoding the same samples again gives the same bytes, so that an object written again still has
the digest that an earlier event names.
"""

import io
from enum import StrEnum

import av
import soundfile

from consumer.inference.results import SAMPLE_RATE, Waveform

OPUS_BITS_PER_S = 32_000


class Codec(StrEnum):
    """Names are endings of the objects."""

    FLAC = "flac"
    OPUS = "opus"

    @property
    def content_type(self) -> str:
        """Media types of RFC 9639 and RFC 7845."""
        return {Codec.FLAC: "audio/flac", Codec.OPUS: "audio/ogg; codecs=opus"}[self]


def encode(samples: Waveform, codec: Codec) -> bytes:
    """The bytes of an object from shape (samples,), float32, 16 kHz."""
    return _flac(samples) if codec is Codec.FLAC else _opus(samples)


def _flac(samples: Waveform) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def _opus(samples: Waveform) -> bytes:
    buffer = io.BytesIO()
    # Else the Ogg stream gets a random serial number, and the object another digest each time.
    options = {"fflags": "bitexact"}
    with av.open(buffer, "w", format="ogg", options=options) as container:
        stream = container.add_stream("libopus", rate=SAMPLE_RATE, layout="mono")
        stream.bit_rate = OPUS_BITS_PER_S
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="flt", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()
