"""Checks on the values of a record. Each raises `MalformedEventError` naming the field."""

import math
import re
from datetime import datetime

from schemas.errors import MalformedEventError

MAX_ID_BYTES = 1024
"""Ids are keys and parts of every output: a longer one could make its own failure unpublishable."""

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def not_empty(name: str, value: str) -> None:
    """A string with at least one character."""
    if not value:
        raise MalformedEventError(f"{name} is empty; it must be given")


def identifier(name: str, value: str) -> None:
    """A string of 1 to `MAX_ID_BYTES` bytes of UTF-8."""
    not_empty(name, value)
    size = len(value.encode(errors="surrogatepass"))
    if size > MAX_ID_BYTES:
        raise MalformedEventError(f"{name} has {size} bytes; at most {MAX_ID_BYTES} are allowed")


def whole_number(name: str, value: int | None, bits: int) -> None:
    """None, or an integer from 0 to the largest signed one of so many bits."""
    if value is not None and not 0 <= value < 2 ** (bits - 1):
        raise MalformedEventError(f"{name} is {value}; it must be 0 to {2 ** (bits - 1) - 1}")


def seconds(name: str, value: float | None) -> None:
    """None, or a finite time that is not negative."""
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise MalformedEventError(f"{name} is {value}; it must be finite and not negative")


def sha256(name: str, value: str) -> None:
    """64 hex digits, in either case."""
    if not _SHA256.fullmatch(value):
        raise MalformedEventError(f"{name} is {value[:80]!r}; it must be 64 hex digits")


def aware(name: str, value: datetime | None) -> None:
    """None, or a datetime with a time zone: a naive one would mean another instant elsewhere."""
    if value is not None and value.tzinfo is None:
        raise MalformedEventError(f"{name} is {value} without a time zone; give it one")
