"""Which fingerprints are alike: the cosines behind the linked voices."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from producer_tools.linking import Voices
from schemas.records import ChunkResult, Fingerprint

_MOST = 240  # a page stays small and its cells visible; the longest speakers are kept


def similarity(results: Sequence[ChunkResult], voices: Voices) -> dict[str, Any]:
    """Cosines between the fingerprints of a recording, grouped by voice, then by time.

    Only cosines leave this function: the page that shows them is no copy of anybody's
    fingerprint. Fingerprints of different embedding models cannot be compared: None.

    Returns:
        `labels` (voice, chunk, speaker, seconds of speech) of each row, `rows` (the lower triangle
        without its diagonal: row n has n cosines) and `left_out`, how many were too many to show.
    """
    found = [(result, print_) for result in results for print_ in result.fingerprints]
    usable = [(result, print_) for result, print_ in found if any(print_.embedding)]
    kept = sorted(usable, key=lambda pair: -pair[1].speech_s)[:_MOST]

    def place(pair: tuple[ChunkResult, Fingerprint]) -> tuple[int, float, str]:
        result, print_ = pair
        voice = voices.of(result.recording_id, result.chunk_id, print_.speaker) or ""
        return int(voice.rpartition("_")[2] or 0), result.start_s, print_.speaker

    kept.sort(key=place)
    unit = [np.array(p.embedding) / np.linalg.norm(p.embedding) for _, p in kept]
    models = [result.models.embedding for result, _ in kept]
    return {
        "labels": [
            {
                "voice": voices.of(result.recording_id, result.chunk_id, print_.speaker),
                "chunk": result.sequence,
                "speaker": print_.speaker,
                "speech_s": round(print_.speech_s, 2),
                "clean": print_.clean,
            }
            for result, print_ in kept
        ],
        "rows": [
            [
                round(float(unit[row] @ unit[column]), 3) if models[row] == models[column] else None
                for column in range(row)
            ]
            for row in range(len(unit))
        ],
        "left_out": len(found) - len(kept),
    }
