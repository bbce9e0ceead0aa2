"""What kind of audio some bytes are, and whether their container is whole.

Decoders read as far as they get: libsndfile takes a WAV file cut in half for a short one. The
checks here hold a file to the sizes it states itself. They read headers only and allocate nothing.
"""

import struct
from collections.abc import Iterator
from enum import Enum

from consumer.audio import mp3
from consumer.errors import PermanentError, Reason


class Container(Enum):
    """The kinds that are read; the value is PyAV's demuxer, None where libsndfile reads it."""

    WAV = None, "WAV"
    FLAC = None, "FLAC"
    OGG = None, "OGG"
    MP3 = None, "MP3"
    MATROSKA = "matroska", "WebM/Matroska"
    MP4 = "mp4", "MP4/M4A"

    def __init__(self, demuxer: str | None, title: str) -> None:
        self.demuxer = demuxer
        self.title = title


def sniff(data: bytes) -> Container:
    """The kind of `data` by its first bytes, whatever the object was called.

    Raises PermanentError(NOT_AUDIO). Naming the kind keeps decoders from guessing: formats that
    refer to other files (playlists) are never tried.
    """
    if data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE":
        return Container.WAV
    if data[:4] == b"fLaC":
        return Container.FLAC
    if data[:4] == b"OggS":
        return Container.OGG
    if data[:4] == b"\x1aE\xdf\xa3":
        return Container.MATROSKA
    if data[4:8] == b"ftyp":
        return Container.MP4
    if data[:3] == b"ID3" or mp3.is_frame(data):
        return Container.MP3
    raise PermanentError(
        Reason.NOT_AUDIO, f"begins with {data[:8].hex(' ')}: no WAV, FLAC, OGG, MP3, WebM or MP4"
    )


def check_whole(container: Container, data: bytes) -> bytes:
    """`data`, made readable where a streaming recorder left sizes open.

    Raises PermanentError(TRUNCATED_AUDIO) where less is there than the container promises.
    FLAC and most MP3 promise a number of samples, which the decoder counts. Nothing can be told of
    a cut in an MP3 without a length header (Xing, Info), between two elements of a WebM recorded
    without sizes, or between two fragments of an MP4: such a file is read to its end.
    """
    match container:
        case Container.WAV:
            return _whole_wav(data)
        case Container.OGG:
            _check_ogg(data)
        case Container.MP4:
            _check_mp4(data)
        case Container.MATROSKA:
            _check_matroska(data)
        case Container.FLAC | Container.MP3:
            pass
    return data


def truncated(message: str) -> PermanentError:
    """The audio ends before it should."""
    return PermanentError(Reason.TRUNCATED_AUDIO, message)


def _whole_wav(data: bytes) -> bytes:
    """WAV and RF64 (EBU Tech 3306): the data chunk lies within the file.

    Recorders that cannot seek leave 0 or 0xFFFFFFFF as its size (sox: near 0x7FFFFFFF): such a file
    is read to its end. An RF64's own size (ds64) is held to, however large it is.
    """
    riff_size = struct.unpack_from("<I", data, 4)[0]
    long_size = None
    position = 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        body = position + 8
        if name == b"ds64" and body + 16 <= len(data):
            long_size = struct.unpack_from("<Q", data, body + 8)[0]
        if name == b"data":
            there = len(data) - body
            stated_empty = riff_size + 8 > body and riff_size != 0xFFFFFFFF
            unset = size >= 0x7FFFF000 or (size == 0 and not stated_empty)
            if size == 0xFFFFFFFF and long_size not in (None, 0, 2**64 - 1):
                size, unset = long_size, False
            if unset and there < 0x7FFFF000:
                closed = bytearray(data)
                struct.pack_into("<I", closed, 4, len(data) - 8)
                struct.pack_into("<I", closed, body - 4, there)
                closed[:4] = b"RIFF"
                return bytes(closed)
            if size > there:
                raise truncated(f"the WAV header promises {size} bytes of samples, {there} came")
            return data
        position = body + size + size % 2
    raise truncated("the WAV file ends before its samples begin")


def _check_ogg(data: bytes) -> None:
    """OGG (RFC 3533): the file ends with a whole page that says it is the last of its stream."""
    position, last = 0, 0
    while data.startswith(b"OggS", position):
        lacing = position + 27
        if lacing > len(data):
            raise truncated("the OGG file ends within a page header")
        count = data[position + 26]
        end = lacing + count + sum(data[lacing : lacing + count])
        if lacing + count > len(data) or end > len(data):
            raise truncated("the OGG file ends within a page")
        last, position = data[position + 5], end
    if not last & 0x04:
        raise truncated("the OGG file has no last page (end of stream)")


def _check_mp4(data: bytes) -> None:
    """MP4 (ISO/IEC 14496-12): every top-level box lies within the file, one of them is `moov`."""
    position, names = 0, set()
    while position + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, position)
        header = 8
        if size == 1 and position + 16 <= len(data):
            size, header = struct.unpack_from(">Q", data, position + 8)[0], 16
        names.add(name)
        if size == 0:  # to the end of the file
            break
        if size < header or position + size > len(data):
            raise truncated(f"the MP4 box {name!r} reaches past the end of the file")
        position += size
    if b"moov" not in names:
        raise truncated("the MP4 file has no moov box: its writer did not finish")


_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675


def _check_matroska(data: bytes) -> None:
    """WebM (RFC 8794, RFC 9559): every element lies within the file.

    Recorders write segments and clusters of unknown size: those are entered.
    """
    for name, end in _elements(data):
        if end > len(data):
            raise truncated(f"the WebM element {name:#x} reaches past the end of the file")


def _elements(data: bytes) -> Iterator[tuple[int, int]]:
    position = 0
    while position < len(data):
        name, position = _vint(data, position, keep_marker=True)
        size, body = _vint(data, position, keep_marker=False)
        unknown = size == (1 << 7 * (body - position)) - 1
        if unknown and name not in (_SEGMENT, _CLUSTER):
            raise PermanentError(Reason.NOT_AUDIO, f"WebM element {name:#x} of unknown size")
        if not unknown:
            yield name, body + size
        position = body if unknown or name == _SEGMENT else body + size


def _vint(data: bytes, position: int, *, keep_marker: bool) -> tuple[int, int]:
    """A variable-length integer (RFC 8794 section 4) and the position after it."""
    if position >= len(data):
        raise truncated("the WebM file ends within an element")
    first = data[position]
    length = 9 - first.bit_length()
    if first == 0:
        raise PermanentError(Reason.NOT_AUDIO, "a WebM element has no valid size")
    if position + length > len(data):
        raise truncated("the WebM file ends within an element")
    value = int.from_bytes(data[position : position + length], "big")
    return (value if keep_marker else value & ((1 << 7 * length) - 1)), position + length
