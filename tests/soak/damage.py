"""Bytes damaged at random."""

import random

from tests.audio_samples import muxed, sound, tone

_SECONDS = 0.4


def whole_files() -> dict[str, bytes]:
    """A good file of every format that is decoded."""
    mono, stereo, wide = tone(_SECONDS), tone(_SECONDS, channels=2), tone(_SECONDS, 48_000)
    return {
        "wav": sound(mono),
        "wav-24": sound(mono, subtype="PCM_24"),
        "wav-float": sound(mono, subtype="FLOAT"),
        "wav-ulaw": sound(mono, subtype="ULAW"),
        "wav-adpcm": sound(mono, subtype="IMA_ADPCM"),
        "rf64": sound(stereo, kind="RF64"),
        "flac": sound(stereo, kind="FLAC"),
        "vorbis": sound(mono, kind="OGG"),
        "opus": sound(mono, kind="OGG", subtype="OPUS"),
        "mp3": sound(mono, kind="MP3"),
        "webm": muxed(wide, 48_000, "webm", "libopus"),
        "mkv": muxed(wide, 48_000, "matroska", "flac"),
        "m4a": muxed(wide, 48_000, "mp4", "aac"),
    }


def damaged(whole: bytes, other: bytes, chance: random.Random) -> bytes:
    """`whole` with one kind of damage; `other` is what it may be mixed up with."""
    way = chance.choice(_WAYS)
    return way(whole, other, chance)


def _overwritten(whole: bytes, _other: bytes, chance: random.Random) -> bytes:
    """Some bytes are others; headers, at the front, more often than not."""
    changed = bytearray(whole)
    for _ in range(chance.randint(1, 8)):
        most = len(changed) if chance.random() < 0.4 else min(len(changed), 200)
        changed[chance.randrange(most)] = chance.choice(
            (0, 0x7F, 0x80, 0xFF, chance.randrange(256))
        )
    return bytes(changed)


def _cut(whole: bytes, _other: bytes, chance: random.Random) -> bytes:
    return whole[: chance.randrange(len(whole))]


def _gap(whole: bytes, _other: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(whole))
    return whole[:start] + whole[start + chance.randint(1, 500) :]


def _inserted(whole: bytes, _other: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(whole))
    return whole[:place] + chance.randbytes(chance.randint(1, 500)) + whole[place:]


def _zeros(whole: bytes, _other: bytes, chance: random.Random) -> bytes:
    start, length = chance.randrange(len(whole)), chance.randint(1, 1000)
    return whole[:start] + bytes(length) + whole[start + length :]


def _spliced(whole: bytes, other: bytes, chance: random.Random) -> bytes:
    return whole[: chance.randrange(len(whole))] + other[chance.randrange(len(other)) :]


def _repeated(whole: bytes, _other: bytes, _chance: random.Random) -> bytes:
    return whole + whole


def _noise(whole: bytes, _other: bytes, chance: random.Random) -> bytes:
    return whole[: chance.randint(0, 64)] + chance.randbytes(chance.randint(0, 3000))


_WAYS = (_overwritten, _overwritten, _cut, _gap, _inserted, _zeros, _spliced, _repeated, _noise)
