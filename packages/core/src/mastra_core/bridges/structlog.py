"""Processors for structlog; structlog itself is not needed to import them.

structlog.configure(processors=[
structlog.processors.add_log_level,
add_correlation,
send_to_observability,
structlog.processors.JSONRenderer(),
])
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple, cast

from mastra_core.bridges.handover import (
    HandingIn,
    claim,
    correlation_fields,
    given_with,
    is_welcome,
    note_sent,
    target_of,
    without_ids,
)
from mastra_core.signals.log import LogLevel, to_level
from mastra_core.signals.payload import without_hidden_words
from mastra_core.tracing.logger import LoggerContext

EventDict = MutableMapping[str, Any]
"""A line on its way through the processors."""

_STAMP_AGE_S = 60
"""What a processor stamped is as young as this; anything older is a field of the user's own."""

_INTERNAL = {"_record", "_from_structlog", "_logger", "_name"}


class Line(NamedTuple):
    """What a structlog event says, in the terms of `LoggerContext.log`."""

    level: LogLevel
    message: str
    data: dict[str, Any]
    logger: str | None
    error: BaseException | None
    timestamp_ns: int | None


def add_correlation(logger: object, method_name: str, event_dict: EventDict) -> EventDict:  # noqa: ARG001  # the shape of a processor
    """Add `trace_id`, `span_id`, `session_id` and what is bound to the current span.

    A key that is there already keeps its value. Outside a trace nothing is added.
    """
    with suppress(Exception):  # the line matters more than its ids
        for name, value in correlation_fields().items():
            event_dict.setdefault(name, value)
    return event_dict


class SendToObservability:
    """A processor that hands each line in, and passes it on unchanged to those after it.

    It belongs behind those that add to a line, and before the renderer.

    Args:
        logger: who is handed the lines; None takes the logger of the current span's instance, else of
            the one that was made last.
    """

    def __init__(self, logger: LoggerContext | None = None) -> None:
        self._logger = logger

    def __call__(self, logger: object, method_name: str, event_dict: EventDict) -> EventDict:
        """Hand one line in."""
        with suppress(Exception):  # a logger must not break the program, whatever it is given
            self._send(logger, method_name, event_dict)
        return event_dict

    def _send(self, logger: object, method_name: str, event: Mapping[str, Any]) -> None:
        name = name_of(logger, event)
        record = event.get("_record")  # of the standard library, which structlog formats
        if not isinstance(record, logging.LogRecord):
            note_sent(None, None)
        target = target_of(self._logger)
        level = to_level(method_name)
        if not is_welcome(name) or not (level is None or target.is_enabled(level)):
            return
        if isinstance(record, logging.LogRecord):
            if not claim(record, target):
                return
            if not event.get("_from_structlog"):  # a line of the library itself, of which structlog has half
                event, name = {**given_with(record), **event}, name or record.name
        else:
            note_sent(target, logger.name if isinstance(logger, logging.Logger) else None)
        hand_in_event(target, method_name, event, name, origin="structlog")


send_to_observability = SendToObservability()
"""`SendToObservability` to the active logger."""


def hand_in_event(
    target: LoggerContext, method_name: str, event: Mapping[str, Any], name: str | None, *, origin: str | None
) -> None:
    """Hand a line of structlog in."""
    with HandingIn():
        line = _read(method_name, event, name)
        target.log(
            line.level,
            line.message,
            line.data,
            logger=line.logger,
            error=line.error,
            timestamp_ns=line.timestamp_ns,
            origin=origin,
        )


def name_of(logger: object, event: Mapping[str, Any]) -> str | None:
    """What the logger of a line is called, None where nobody says."""
    said = event.get("logger")
    if isinstance(said, str):
        return said
    return logger.name if isinstance(logger, logging.Logger) else None


def _read(method_name: str, event: Mapping[str, Any], name: str | None) -> Line:
    data = {key: value for key, value in event.items() if key not in _INTERNAL}
    message = data.pop("event", "")
    arguments = data.pop("positional_args", ())
    if arguments:
        try:
            message = without_hidden_words(message % arguments, message, arguments)
        except Exception:  # noqa: BLE001  # they do not fit, so both are kept
            data["positional_args"] = arguments
    level = to_level(method_name) or to_level(data.get("level")) or LogLevel.INFO
    # A field of the user's own may be called like those that processors add.
    if to_level(data.get("level")) is level:
        del data["level"]
    if data.get("logger") == name:
        data.pop("logger", None)
    timestamp_ns = _time_of(data.get("timestamp"))
    if timestamp_ns is not None:
        del data["timestamp"]
    error = _take_error(data)
    return Line(level, message, without_ids(data), name, error, timestamp_ns)


def _take_error(data: dict[str, Any]) -> BaseException | None:
    """The exception of a line, as structlog understands `exc_info`."""
    found = data.pop("exc_info", None)
    if isinstance(found, BaseException):
        return found
    if isinstance(found, tuple) and len(cast("tuple[object, ...]", found)) == 3:
        return cast("BaseException | None", found[1])
    return sys.exc_info()[1] if found else None


def _time_of(stamp: object) -> int | None:
    """Nanoseconds of what a processor stamped, text or seconds; None where it is no such stamp."""
    now_ns = time.time_ns()
    try:
        if isinstance(stamp, str):
            moment = datetime.fromisoformat(stamp).timestamp()
        elif isinstance(stamp, float):
            moment = stamp
        else:
            return None
        time_ns = round(moment * 1_000_000) * 1_000
    except (ValueError, OverflowError, OSError):
        return None
    return time_ns if abs(now_ns - time_ns) < _STAMP_AGE_S * 1_000_000_000 else None
