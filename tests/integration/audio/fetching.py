"""How much the tests let a fetch take, and how it fails."""

from typing import Any

import pytest

from consumer.audio.fetch import Fetcher, FetchLimits
from consumer.audio.reference import Reference
from consumer.errors import PermanentError, Reason, SpeakerstreamError

LIMITS = FetchLimits(max_bytes=1_000_000, connect_s=10.0, read_s=10.0, total_s=15.0)
HASTY = FetchLimits(max_bytes=1_000_000, connect_s=1.0, read_s=1.0, total_s=1.5)


def failure(fetcher: Fetcher, uri: str, **claims: Any) -> SpeakerstreamError:
    with pytest.raises(SpeakerstreamError) as caught:
        fetcher.fetch(Reference(uri, **claims))
    assert "secret" not in str(caught.value)
    assert "X-Amz" not in str(caught.value)
    return caught.value


def reason(fetcher: Fetcher, uri: str, **claims: Any) -> Reason:
    error = failure(fetcher, uri, **claims)
    assert isinstance(error, PermanentError)
    return error.reason
