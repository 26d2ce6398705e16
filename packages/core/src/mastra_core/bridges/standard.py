"""A handler and a filter for the standard `logging` module.

    handler = logging.StreamHandler()
    handler.addFilter(CorrelationFilter())
    handler.setFormatter(logging.Formatter("%(message)s trace=%(trace_id)s"))
    logging.basicConfig(handlers=[handler, ObservabilityHandler()])

Nothing is installed by itself: a program says where they belong.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any, cast

from mastra_core.bridges.handover import (
    ADDED,
    HandingIn,
    claim,
    given_with,
    ids,
    is_welcome,
    target_of,
    without_ids,
)
from mastra_core.bridges.structlog import hand_in_event
from mastra_core.signals.payload import text_of, without_hidden_words
from mastra_core.tracing.logger import LoggerContext

_IDS = ("trace_id", "span_id", "session_id")


class CorrelationFilter(logging.Filter):
    """Puts `trace_id`, `span_id` and `session_id` of the current span on every record, and lets all pass.

    For formatters such as `%(message)s trace=%(trace_id)s`. On a handler it sees every record that
    the handler gets, on a logger only those that are made with that logger itself.

    Args:
        absent: stands for an id that there is not, so that a formatter never fails.
    """

    def __init__(self, absent: str = "-") -> None:
        super().__init__()
        self._absent = absent

    def filter(self, record: logging.LogRecord) -> bool:
        """Add what the record has not yet got; an id of the user's own stays."""
        with suppress(Exception):
            found = ids()
            added = {name: found.get(name, self._absent) for name in _IDS if not hasattr(record, name)}
            record.__dict__.update(added)
            setattr(record, ADDED, (*getattr(record, ADDED, ()), *added))
        return True


class ObservabilityHandler(logging.Handler):
    """Hands each record in. What was given with `extra=` becomes the fields of the line.

    Args:
        level: records of less weight are left to others.
        logger: who is handed the lines; None takes the logger of the current span's instance, else of
            the one that was made last.
    """

    def __init__(self, level: int | str = logging.NOTSET, *, logger: LoggerContext | None = None) -> None:
        super().__init__(level)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one record in."""
        with suppress(Exception):  # a logger must not break the program, whatever it is given
            if not is_welcome(record.name):
                return
            target = target_of(self._logger)
            if target.is_enabled(record.levelno) and claim(record, target):
                _hand_in(target, record)


_QUIET = (ObservabilityHandler, logging.NullHandler)
"""Handlers that put nothing out."""


def _hand_in(target: LoggerContext, record: logging.LogRecord) -> None:
    origin = "logging" if _is_put_out(record.name) else None
    event: object = record.msg
    if isinstance(event, dict) and "event" in event and hasattr(record, "_logger"):
        # From structlog, to be rendered by its formatter.
        said = cast("dict[str, Any]", event)
        hand_in_event(target, record.levelname.lower(), said, record.name, origin=origin)
        return
    with HandingIn():
        data = _fields(record)
        try:
            message = without_hidden_words(record.getMessage(), record.msg, record.args)
        except Exception:  # noqa: BLE001  # the arguments do not fit, or cannot be printed
            message = text_of(record.msg)
            data["args"] = record.args
        target.log(
            record.levelno,
            message,
            without_ids(data),
            logger=record.name,
            error=record.exc_info[1] if record.exc_info else None,
            timestamp_ns=int(record.created * 1_000_000) * 1_000,
            origin=origin,
        )


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What was given with `extra=`, and the texts that a queue has made of an exception or a stack."""
    data = given_with(record)
    if record.exc_text and not record.exc_info:
        data.setdefault("exception", record.exc_text)
    if record.stack_info:
        data.setdefault("stack_info", record.stack_info)
    return data


def _is_put_out(name: str) -> bool:
    """Whether a handler of another kind gets the records of this logger, too."""
    logger: logging.Logger | None = logging.getLogger(name)
    while logger is not None:
        if any(not isinstance(handler, _QUIET) for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False
