"""How long an MP3 says it is, and what to do where it does not say.

libsndfile reads an MP3 up to the number of frames its first frame states (Xing, Info). Where none
is stated it guesses one from the first bit rate, and stops there: of a recording of variable bit
rate that begins loud, most was never read; one that begins quiet seemed to end early.
"""

import struct
from dataclasses import dataclass

_BIT_RATES = {  # kbit/s of layer III by index (ISO/IEC 11172-3, 2.4.2.3; 13818-3, 2.4.2.3)
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44_100, 48_000, 32_000)
_SEARCHED = 4096  # bytes of padding between a tag and the first frame
_FILLING = bytes(1000)
_SHORTEST = 24  # bytes of a frame: 8 kbit/s at 24 kHz


@dataclass(frozen=True)
class _Header:
    """The four bytes before a layer III frame."""

    raw: bytes
    version: int  # 1, or 2 for MPEG 2 and 2.5
    size: int  # bytes of the whole frame
    tag: int  # where a Xing tag begins, from the frame's beginning

    def precedes(self, other: "_Header") -> bool:
        """Whether both may be of one stream: the same version and sample rate."""
        return self.raw[1] | 1 == other.raw[1] | 1 and self.raw[2] & 0x0C == other.raw[2] & 0x0C


def with_stated_length(data: bytes) -> tuple[bytes, bool]:
    """`data` as it can be read to its end, and whether the number of frames in it is to be kept.

    An MP3 without one gets an Info frame in front that states more than there can be, and loses
    its tags. VBRI (Fraunhofer's) is taken for none: libsndfile does not read it. Where no frame is
    found, `data` stays as it is.
    """
    begin, end = _audio(data)
    first = _first_frame(data, begin)
    if first is None:
        return data, False
    position, header = first
    name = data[position + header.tag : position + header.tag + 4]
    flags = data[position + header.tag + 7 : position + header.tag + 8]
    if name in (b"Xing", b"Info"):
        if flags and flags[0] & 1:  # the number of frames follows
            return data, True
        position += header.size
    elif data[position + 36 : position + 40] == b"VBRI":
        position += header.size
    return _info(header, len(data) // _SHORTEST + 1) + data[position:end], False


def _info(like: _Header, frames: int) -> bytes:
    """A frame that holds nothing but the number of those after it."""
    # 128 or 80 kbit/s (long enough for the tag at every sample rate), no padding, no checksum.
    raw = bytes((0xFF, like.raw[1] | 1, 0x90 | like.raw[2] & 0x0C, like.raw[3]))
    header = _header(raw, 0)
    assert header is not None
    body = bytes(header.tag - 4) + b"Info" + struct.pack(">II", 1, frames)
    return (raw + body).ljust(header.size, b"\0")


def _audio(data: bytes) -> tuple[int, int]:
    """Where the tags before the first frame end (ID3v2), and what follows the last one begins.

    That is APEv2, and zeros, which some writers fill up with: libsndfile gives up after 1024.
    """
    begin, end = 0, len(data)
    while data[begin : begin + 3] == b"ID3" and begin + 10 <= end:
        footer = 10 if data[begin + 5] & 0x10 else 0
        size = 0
        for byte in data[begin + 6 : begin + 10]:
            size = size << 7 | byte & 0x7F
        begin += 10 + size + footer
    if data[-128:-125] == b"TAG":  # ID3v1
        end -= 128
    if data[end - 32 : end - 24] == b"APETAGEX":
        size, _, flags = struct.unpack_from("<III", data, end - 20)
        end -= size + (32 if flags & 0x80000000 else 0)  # with its own header, perhaps
    if data.endswith(_FILLING, begin, end):  # the first of them may belong to the last frame
        end = len(data[begin:end].rstrip(b"\0")) + begin + len(_FILLING)
    return (begin, end) if begin < end else (0, len(data))


def _first_frame(data: bytes, begin: int) -> tuple[int, _Header] | None:
    """The first frame that another of its kind follows, or the end."""
    position = data.find(b"\xff", begin, begin + _SEARCHED)
    while position >= 0:
        header = _header(data, position)
        if header is not None:
            following = position + header.size
            after = _header(data, following)
            if following >= len(data) or (after is not None and header.precedes(after)):
                return position, header
        position = data.find(b"\xff", position + 1, begin + _SEARCHED)
    return None


def is_frame(data: bytes, position: int = 0) -> bool:
    """Whether a layer III frame of known length begins at `position`."""
    return _header(data, position) is not None


def _header(data: bytes, position: int) -> _Header | None:
    # 11 bits of sync, a version, layer III, a bit rate, a sample rate.
    raw = data[position : position + 4]
    if (
        len(raw) < 4
        or raw[0] != 0xFF
        or raw[1] & 0xE0 != 0xE0
        or raw[1] & 0x18 == 0x08
        or raw[1] & 0x06 != 0x02
        or raw[2] & 0xF0 in (0x00, 0xF0)
        or raw[2] & 0x0C == 0x0C
    ):
        return None
    kind = raw[1] >> 3 & 3  # 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
    version = 1 if kind == 3 else 2
    rate = _RATES[raw[2] >> 2 & 3] // {3: 1, 2: 2, 0: 4}[kind]
    bits = _BIT_RATES[version][raw[2] >> 4] * 1000
    size = (144 if version == 1 else 72) * bits // rate + (raw[2] >> 1 & 1)
    mono = raw[3] >> 6 == 3
    side = (17 if mono else 32) if version == 1 else (9 if mono else 17)
    return _Header(raw, version, size, 4 + side)
