"""Structured logs on stderr: JSON for machines, a console form on a terminal."""

import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import structlog

Format = Literal["auto", "json", "console"]

# Libraries whose INFO is noise here; their warnings are kept.
_CHATTY = ("httpx", "httpcore", "librdkafka")

# What may carry a credential: the query of a web address (presigned), and its user information.
_QUERY = re.compile(r"(\bhttps?://[^\s?#'\"<>]*)[?#][^\s'\"<>]*", re.IGNORECASE)
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@'\"]*@", re.IGNORECASE)


def configure(level: str, form: Format) -> None:
    """Send the service's and the libraries' logs through one renderer to stderr."""
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[structlog.types.Processor] = [
        structlog.processors.format_exc_info,
        without_credentials,
        # The default form of tracebacks shows local variables, and so every setting.
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        if console
        else structlog.processors.JSONRenderer(serializer=_json),
    ]
    # Not through the standard library: a record of its own for every line would cost as much again.
    structlog.configure(
        processors=[*shared, *last],
        logger_factory=_Stderr,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


@contextmanager
def together() -> Iterator[None]:
    """Write this thread's lines in one go, at the end.

    Every write lets the other threads run, and one that computes gives the interpreter back after
    milliseconds only: a line each for a hundred chunks would take half a second.
    """
    _thread.held = []
    try:
        yield
    finally:
        held, _thread.held = _thread.held, None
        if held:
            _write("".join(held))


class _Thread(threading.local):
    held: list[str] | None = None  # lines, while they are kept


_thread = _Thread()


class _Stderr(structlog.WriteLogger):
    """Writes whole lines to stderr."""

    def __init__(self, name: str) -> None:
        super().__init__(sys.stderr)
        self.name = name  # for `add_logger_name`
        self._write, self._flush = _hold_or_write, _nothing


def _hold_or_write(text: str) -> None:
    if _thread.held is None:
        _write(text)
    else:
        _thread.held.append(text)


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _nothing() -> None:
    """Written lines are flushed already."""


# `json.dumps` with options would make an encoder for every line.
_encode = json.JSONEncoder(default=repr).encode


def _json(event: dict[str, Any], default: Callable[[Any], Any]) -> str:
    return _encode(event)


def without_credentials(
    _logger: Any, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Cut queries and user information from every web address in a log line, tracebacks included.

    The service's own messages name addresses without them; libraries' messages may not.
    """
    return {name: _cleaned(value) for name, value in event.items()}


def cut(text: str) -> str:
    """`text` without queries and user information of web addresses."""
    if "://" not in text:
        return text
    return _USER.sub(r"\1", _QUERY.sub(r"\1?(cut)", text))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return cut(value)
    if isinstance(value, dict):
        return {name: _cleaned(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(each) for each in value]
    return value
