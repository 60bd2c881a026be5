"""Structured logs: one JSON object a line on standard error; no person's data, no secret."""

import json
import logging
import sys
from contextlib import suppress
from typing import Final, TextIO, cast

import orjson
import structlog
from structlog.typing import Processor

# Without locals: a frame of the dispatcher holds the request's key.
_TRACEBACKS: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def _dumps(event: object, **_: object) -> str:
    try:
        return orjson.dumps(event, default=str).decode()
    except TypeError:  # half a character, from a path or a library
        return json.dumps(event, default=str)


class _Bridge(logging.Handler):
    """What libraries log, in our form. A request that is no HTTP is named, not repeated."""

    def emit(self, record: logging.LogRecord) -> None:
        # Not above: a command that speaks no HTTP would bring all of it along.
        from aiohttp.http_exceptions import HttpProcessingError  # noqa: PLC0415

        log = structlog.get_logger(record.name)
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            log.info("no_http", error=type(error).__name__)
            return
        said = record.getMessage()
        log.log(record.levelno, "library_says", text=said, exc_info=record.exc_info)


class _Stderr:
    """What stderr is when something is said, not when logging was set up. One that is gone (a
    closed pipe) must not end the thread that had something to say."""

    def write(self, text: str) -> None:
        with suppress(ValueError, OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(ValueError, OSError):
            sys.stderr.flush()


_PROCESSORS: Final[list[Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _TRACEBACKS,
    structlog.processors.JSONRenderer(serializer=_dumps),
]
"""One list for all times: a logger keeps the one it was first used with, and tests listen there."""


def configure(level: str = "info") -> None:
    """Set structlog up for this process. CR, LF and escape sequences are JSON-escaped."""
    root = logging.getLogger()
    root.handlers = [_Bridge()]
    root.setLevel(logging.WARNING)
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=_PROCESSORS,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _Stderr())),
        cache_logger_on_first_use=True,
    )
