"""ChunkResults from what `speakerstream tail --json` and the demo write: one object a line."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from schemas.records import ChunkResult


def read_results(path: Path) -> Iterator[ChunkResult]:
    """The ChunkResults in a `.jsonl`, in its order; other events are skipped.

    Raises:
        ValueError: a line is no event, or a ChunkResult lacks a field; names the line.
        OSError: the file cannot be read.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                event = json.loads(line)
                if event["type"] == ChunkResult.avro_name:
                    yield _result(event["value"])
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    f"{path}, line {number} is no event as `speakerstream tail --json` prints it: "
                    f"{type(error).__name__}: {error}"
                ) from error


def _result(value: dict[str, object]) -> ChunkResult:
    moment = datetime.fromisoformat(str(value["processed_at"]))
    return ChunkResult.from_avro({**value, "processed_at": moment})
