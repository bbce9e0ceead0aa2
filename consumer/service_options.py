"""What the owner loop is told by the settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How the owner loop weighs latency, memory and patience."""

    window: int  # records of one partition in flight
    buffered_bytes: int
    commit_interval_s: float
    burst_bytes: int
    transaction_timeout_s: float
    revoke_timeout_s: float
    drain_timeout_s: float
    stall_timeout_s: float
