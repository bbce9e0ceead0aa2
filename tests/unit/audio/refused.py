"""How a test asks why audio is refused."""

import pytest

from consumer.audio.decode import DecodeLimits, decode
from consumer.errors import PermanentError, Reason


def refusal(data: bytes, channel: int | None = None, limits: DecodeLimits | None = None) -> Reason:
    with pytest.raises(PermanentError) as caught:
        decode(data, channel=channel, limits=limits or DecodeLimits())
    assert len(str(caught.value)) > 10
    return caught.value.reason
