"""Structured logs: one JSON object a line on standard error; no person's data, no secret."""

import logging
import sys

import orjson
import structlog


def _dumps(event: object, **_: object) -> str:
    return orjson.dumps(event, default=str).decode()


def configure(level: str = "info") -> None:
    """Set structlog up for this process. CR, LF and escape sequences are JSON-escaped."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
