"""Events from what `speakerstream tail --json` and the demo write: one object a line."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from schemas.records import ChunkResult


@dataclass(frozen=True, slots=True)
class Events:
    """What a report is made of; `letters` as `producer_tools.dead_letters.DeadLetter.facts`."""

    results: list[ChunkResult] = field(default_factory=list)
    letters: list[Mapping[str, str]] = field(default_factory=list)


def read_events(path: Path) -> Events:
    """The ChunkResults and dead letters in a `.jsonl`, in its order; other events are skipped.

    Raises:
        ValueError: a line is no event, or lacks a field; names the line.
        OSError: the file cannot be read.
    """
    found = Events()
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                event = json.loads(line)
                if event["type"] == ChunkResult.avro_name:
                    found.results.append(_result(event["value"]))
                elif event["type"] == "DeadLetter":
                    found.letters.append({k: str(v) for k, v in event["value"].items()})
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(
                    f"{path}, line {number} is no event as `speakerstream tail --json` prints it: "
                    f"{type(error).__name__}: {error}"
                ) from error
    return found


def _result(value: dict[str, object]) -> ChunkResult:
    moment = datetime.fromisoformat(str(value["processed_at"]))
    return ChunkResult.from_avro({**value, "processed_at": moment})
