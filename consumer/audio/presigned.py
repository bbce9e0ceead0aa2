"""When presigned references end: S3, Google Cloud Storage, CloudFront and Azure forms."""

import math
from datetime import UTC, datetime
from urllib.parse import parse_qsl

_EXPIRED_CODES = (b"Request has expired", b"<Code>ExpiredToken", b"Signature not valid in the spec")


def has_expired(query: str, now: float, error_body: bytes = b"") -> bool:
    """Whether a refused web reference was refused because its signature ran out.

    `query` is the reference's query string, `now` seconds since 1970, `error_body` the beginning
    of the server's answer, which counts even where our clock is wrong.
    """
    if not query:
        return False
    if any(code in error_body for code in _EXPIRED_CODES):
        return True
    try:
        expiry = _expiry({name.lower(): value for name, value in parse_qsl(query)})
    except (ValueError, OverflowError):  # dates that are none, numbers beyond every clock
        return False
    return expiry is not None and math.isfinite(expiry) and expiry <= now


def _expiry(parameters: dict[str, str]) -> float | None:
    for vendor in ("x-amz", "x-goog"):
        if f"{vendor}-date" in parameters and f"{vendor}-expires" in parameters:
            signed = datetime.strptime(parameters[f"{vendor}-date"], "%Y%m%dT%H%M%SZ")
            lifetime = int(parameters[f"{vendor}-expires"])
            return signed.replace(tzinfo=UTC).timestamp() + lifetime
    if "expires" in parameters and "signature" in parameters:  # S3 version 2, CloudFront
        return float(parameters["expires"])
    if "se" in parameters and "sig" in parameters:  # Azure shared access signature
        end = datetime.fromisoformat(parameters["se"])
        return (end if end.tzinfo else end.replace(tzinfo=UTC)).timestamp()
    return None
