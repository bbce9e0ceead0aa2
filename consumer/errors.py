"""What can go wrong, sorted by what the service does about it.

* `PermanentError`: this record can never succeed. It becomes a dead letter and a failed result.
* `TransientError`: infrastructure is away. The work is retried for as long as that lasts.
* `ObjectUnavailableError`: one object cannot be had *yet*; permanent once its grace time is over.
* `FatalError`: the process cannot go on. It ends with its own exit code and one sentence.
"""

from enum import IntEnum, StrEnum


class Reason(StrEnum):
    """The closed list of reasons on dead letters and failed results."""

    MALFORMED_EVENT = "malformed_event"
    UNKNOWN_SCHEMA = "unknown_schema"
    REFERENCE_FORBIDDEN = "reference_forbidden"
    REFERENCE_EXPIRED = "reference_expired"
    OBJECT_MISSING = "object_missing"
    OBJECT_DENIED = "object_denied"
    OBJECT_CHANGED = "object_changed"
    DIGEST_MISMATCH = "digest_mismatch"
    EMPTY_OBJECT = "empty_object"
    TOO_LARGE = "too_large"
    NOT_AUDIO = "not_audio"
    TRUNCATED_AUDIO = "truncated_audio"
    EMPTY_AUDIO = "empty_audio"
    NON_FINITE_SAMPLES = "non_finite_samples"
    UNSUPPORTED_SAMPLE_RATE = "unsupported_sample_rate"
    TOO_LONG = "too_long"
    TOO_MANY_CHANNELS = "too_many_channels"
    CHANNEL_OUT_OF_RANGE = "channel_out_of_range"
    DECODER_CRASHED = "decoder_crashed"
    DECODER_TIMEOUT = "decoder_timeout"
    TOO_LONG_FOR_DEVICE = "too_long_for_device"
    INVALID_MODEL_OUTPUT = "invalid_model_output"
    OUTPUT_TOO_LARGE = "output_too_large"
    KILLS_PROCESS = "kills_process"


class ExitCode(IntEnum):
    """Why the process ended; 0 is a clean stop, 2 is the shell's usual code for bad usage."""

    OK = 0
    SETTINGS = 2
    KAFKA = 10
    FENCED = 11
    OFFSETS = 12
    CHECKPOINT = 13
    STALLED = 14
    WORKER_DIED = 15
    INTERNAL = 16


class SpeakerstreamError(Exception):
    """Base of every error this project raises on purpose."""


class PermanentError(SpeakerstreamError):
    """This record can never succeed; `reason` says why, the message says what was seen."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type["PermanentError"], tuple[Reason, str]]:
        # Crosses process borders (decoder workers): pickle needs both arguments.
        return type(self), (self.reason, str(self))


class TransientError(SpeakerstreamError):
    """Infrastructure is away (store, registry, broker); retry with backoff while it lasts."""


class ObjectUnavailableError(SpeakerstreamError):
    """One object cannot be had yet; after its grace time this is permanent with `reason`."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class FatalError(SpeakerstreamError):
    """The process must end with `code`; the message tells the operator what to change."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code
