"""One log line per answered record."""

import structlog

from consumer.pipeline.job import Outcome

log = structlog.get_logger(__name__)


def log_outcome(outcome: Outcome) -> None:
    """Say what became of a record, and where its time went (seconds in each stage)."""
    fields: dict[str, object] = {
        "recording_id": outcome.recording_id,
        "chunk_id": outcome.chunk_id,
        "partition": outcome.ticket.partition,
        "offset": outcome.ticket.offset,
        "seconds": {stage.value: round(spent, 4) for stage, spent in outcome.seconds.items()},
    }
    if outcome.analysis is None:
        log.warning(
            "chunk_failed",
            reason=outcome.reason.value if outcome.reason else None,
            message=outcome.message,
            **fields,
        )
        return
    log.info(
        "chunk_diarized",
        duration_s=round(outcome.analysis.duration_s, 3),
        segments=len(outcome.analysis.segments),
        speakers=len(outcome.analysis.speakers_detected),
        **fields,
    )
