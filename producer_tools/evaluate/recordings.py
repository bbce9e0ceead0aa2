"""Recordings with a reference: audio, and who speaks when in it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from consumer.inference.results import Waveform
from producer_tools import rttm
from producer_tools.publish.recordings import load
from producer_tools.rttm import Turn

_SUFFIX = ".rttm"


class Recording(Protocol):
    """What can be evaluated; `turns` are the reference, with names that mean the same person in
    every recording."""

    @property
    def name(self) -> str:
        """Identifies the recording."""
        ...

    @property
    def turns(self) -> tuple[Turn, ...]:
        """Who speaks when."""
        ...

    def waveform(self) -> Waveform:
        """The audio at 16 kHz, shape (samples,), float32."""
        ...


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """A recording on disk, in any format that the service decodes."""

    name: str
    turns: tuple[Turn, ...]
    path: Path

    def waveform(self) -> Waveform:
        """Decoded at each call, so that a long list of recordings fits into memory."""
        return load(self.path.read_bytes())


@dataclass(frozen=True, slots=True)
class RecordingInMemory:
    """A recording that is there as samples."""

    name: str
    turns: tuple[Turn, ...]
    samples: Waveform

    def waveform(self) -> Waveform:
        """The samples."""
        return self.samples


def speakers(recording: Recording) -> list[str]:
    """Everybody who speaks in the reference, sorted."""
    return sorted({turn.speaker for turn in recording.turns})


def merged(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """The turns by start; those of one speaker that touch or overlap are one."""
    joined: dict[str, list[Turn]] = {}
    for turn in sorted(turns, key=lambda turn: turn.start_s):
        own = joined.setdefault(turn.speaker, [])
        if own and turn.start_s <= own[-1].start_s + own[-1].duration_s:
            last = own.pop()
            end = max(last.start_s + last.duration_s, turn.start_s + turn.duration_s)
            turn = Turn(turn.recording, last.start_s, end - last.start_s, turn.speaker)
        own.append(turn)
    return tuple(
        sorted((turn for own in joined.values() for turn in own), key=lambda turn: turn.start_s)
    )


def pairs(audio: Sequence[Path], references: Path | None) -> list[Recording]:
    """Audio files with their references.

    `references` is a folder of `NAME.rttm`, or one RTTM file that names the recordings; None looks
    for `NAME.rttm` beside each audio file. NAME is the audio file's name without its suffix.

    Raises:
        LookupError: an audio file has no reference, or nobody speaks in it.
        ValueError: an RTTM file is broken.
    """
    by_name: dict[str, list[Turn]] = {}
    if references is not None and references.is_file():
        for turn in rttm.read(references.read_text(encoding="utf-8")):
            by_name.setdefault(turn.recording, []).append(turn)
    found: list[Recording] = []
    for path in audio:
        if references is not None and references.is_file():
            turns, source = by_name.get(rttm.word(path.stem), []), references
        else:
            source = (references or path.parent) / f"{path.stem}{_SUFFIX}"
            if not source.is_file():
                raise LookupError(f"{path} has no reference: there is no {source}")
            turns = rttm.read(source.read_text(encoding="utf-8"))
        if not turns:
            raise LookupError(f"{source} says nothing about who speaks in {path.stem}")
        found.append(RecordingFile(path.stem, merged(turns), path))
    return found
