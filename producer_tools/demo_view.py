"""What the demo prints: segments per chunk, voices across chunks, the error rate."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from producer_tools.linking import Voices
from producer_tools.meeting import shown
from producer_tools.scoring import ErrorRate
from schemas.records import ChunkResult


def show_chunk(console: Console, result: ChunkResult, voices: Voices) -> None:
    """A table of one chunk's segments, on the recording's time axis."""
    end = result.start_s + (result.duration_s or 0)
    table = Table(title=f"Chunk {result.sequence}: {_clock(result.start_s)} to {_clock(end)}")
    table.add_column("speaker")
    for name in ("from", "to", "confidence", "overlap"):
        table.add_column(name, justify="right")
    table.add_column("voice")
    for segment in result.segments:
        voice = voices.of(result.recording_id, result.chunk_id, segment.speaker)
        confidence = segment.confidence
        table.add_row(
            shown(segment.speaker, confidence, result.thresholds.uncertain_confidence),
            _clock(result.start_s + segment.start_s),
            _clock(result.start_s + segment.end_s),
            "" if confidence is None else f"{confidence:.2f}",
            f"{segment.overlap_ratio:.0%}",
            voice or "",
        )
    console.print(table)


def show_voices(console: Console, results: Sequence[ChunkResult], voices: Voices) -> None:
    """Which local speakers of different chunks are one voice."""
    sequence = {result.chunk_id: result.sequence for result in results}
    table = Table(title="The same voice in several chunks")
    table.add_column("voice")
    table.add_column("local speakers")
    for recording_id in sorted({result.recording_id for result in results}):
        for voice, members in voices.members(recording_id).items():
            local = [f"chunk {sequence[m.chunk_id]} {m.speaker}" for m in members]
            table.add_row(voice, ", ".join(local))
    console.print(table)


def show_error_rate(console: Console, what: str, rate: ErrorRate) -> None:
    """One line: DER and its parts, in percent of the reference's speech."""
    parts = {
        "missed": rate.missed_s,
        "false alarm": rate.false_alarm_s,
        "confusion": rate.confusion_s,
    }
    shares = ", ".join(f"{name} {seconds / rate.speech_s:.1%}" for name, seconds in parts.items())
    console.print(f"{what}: DER {rate.der:.1%} ({shares}; no collar, overlap scored)")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:05.2f}"
