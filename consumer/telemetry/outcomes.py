"""One log line per answered record."""

import structlog

from consumer.pipeline.job import Outcome, Stage

log = structlog.get_logger(__name__)


def log_outcome(outcome: Outcome, trace_id: str | None = None) -> None:
    """Say what became of a record, and where its time went (seconds in each stage).

    `real_time_factor` is seconds of audio per second the chunk spent here, waiting for its turn
    included, waiting for an outage to end (the stage `retrying`) not.
    """
    fields: dict[str, object] = {
        "recording_id": outcome.recording_id,
        "chunk_id": outcome.chunk_id,
        "partition": outcome.ticket.partition,
        "offset": outcome.ticket.offset,
        "seconds": {stage.value: round(spent, 4) for stage, spent in outcome.seconds.items()},
    }
    if trace_id is not None:
        fields["trace_id"] = trace_id
    if outcome.analysis is None:
        log.warning(
            "chunk_failed",
            reason=outcome.reason.value if outcome.reason else None,
            message=outcome.message,
            **fields,
        )
        return
    spent = sum(s for stage, s in outcome.seconds.items() if stage is not Stage.RETRYING)
    log.info(
        "chunk_diarized",
        duration_s=round(outcome.analysis.duration_s, 3),
        real_time_factor=round(outcome.analysis.duration_s / spent, 2) if spent > 0 else None,
        segments=len(outcome.analysis.segments),
        speakers=len(outcome.analysis.speakers_detected),
        **fields,
    )
