"""What all bridges keep to: nothing twice, nothing in a circle, nothing raised."""

from __future__ import annotations

import inspect
import logging
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

from mastra_core.tracing.active import active_logger
from mastra_core.tracing.current import current_span
from mastra_core.tracing.logger import LoggerContext

_OWN = (
    "mastra.observability",
    "mastra.output",
    "mastra_core",
    "mastra_observability",
    "mastra_duckdb",
    "mastra_clickhouse",
)
"""Names of loggers by which the pipeline speaks of itself; the names below them are its own, too."""

_HANDED_IN = "_mastra_handed_in"
"""Attribute of a log record: whom it was handed to."""

ADDED = "_mastra_added"
"""Attribute of a log record: the names of those that a filter of this project put there."""

_OF_RECORDS = frozenset((*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"))
"""What a record has of its own; anything else was given with `extra=`."""

_MAX_FRAMES = 60


class _Thread(threading.local):
    """What this thread is about.

    Attributes:
        is_busy: a line is being handed in; what is logged meanwhile is about that.
        sent: of the line that structlog handed in last, which may still come along as a record: whom it
            was handed to, and the name of its logger where that is known.
        claimed: of the last records: whom each was handed to, and an object that its copies share.
    """

    is_busy = False
    sent: tuple[int, str | None] | None = None

    def __init__(self) -> None:
        self.claimed: deque[tuple[int, object]] = deque(maxlen=16)


_thread = _Thread()


class HandingIn:
    """While it lasts, nothing else that this thread logs is welcome."""

    def __enter__(self) -> None:
        _thread.is_busy = True

    def __exit__(self, *_: object) -> None:
        _thread.is_busy = False


def target_of(given: LoggerContext | None) -> LoggerContext:
    """The logger that was given, else the active one."""
    return active_logger() if given is None else given


def is_welcome(name: str | None) -> bool:
    """Whether a line of a logger of this name, said here and now, is to be handed in.

    Not while another one is, not on the threads of the pipeline, which work inside a span that was
    sampled out, and not what the pipeline says of itself.
    """
    if _thread.is_busy:
        return False
    span = current_span()
    if span is not None and not span.takes_logs:
        return False
    return name is None or not any(name == own or name.startswith(own + ".") for own in _OWN)


def note_sent(target: LoggerContext | None, name: str | None) -> None:
    """Structlog's line was handed in; where it goes on into the standard library, it is known already.

    None for a line that was not handed in.
    """
    _thread.sent = None if target is None else (id(target), name)


def claim(record: logging.LogRecord, target: LoggerContext) -> bool:
    """Whether this record, or what it is a copy of, is handed to `target` for the first time.

    Handlers that queue, and structlog's formatter, make copies. An attribute tells copies that are made
    later; those made before share the values, of which `relativeCreated` is an object of its own.
    """
    number = id(target)
    handed_in: tuple[int, ...] = getattr(record, _HANDED_IN, ())
    token = record.relativeCreated
    is_known = number in handed_in or any(n == number and other is token for n, other in _thread.claimed)
    if not is_known and _came_from_structlog(record.name, number):
        is_known = True
        _thread.sent = None
    setattr(record, _HANDED_IN, (*handed_in, number))
    _thread.claimed.append((number, token))
    return not is_known


def given_with(record: logging.LogRecord) -> dict[str, Any]:
    """What was given with `extra=`."""
    added = getattr(record, ADDED, ())
    return {
        name: value
        for name, value in vars(record).items()
        if name not in _OF_RECORDS and name not in added and not name.startswith("_mastra_")
    }


def _came_from_structlog(name: str, target: int) -> bool:
    """Whether the line that structlog handed in last has become the record that is being handled."""
    sent = _thread.sent
    if sent is None or sent[0] != target or sent[1] not in (None, name):
        return False
    frame = inspect.currentframe()
    for _ in range(_MAX_FRAMES):
        if frame is None:
            break
        module = str(frame.f_globals.get("__name__"))
        if frame.f_code.co_name == "_proxy_to_logger" and module.startswith("structlog."):
            return True
        frame = frame.f_back
    return False


def correlation_fields() -> dict[str, Any]:
    """Ids of the current span, and what is bound to it; empty where nothing is recorded."""
    span = current_span()
    if span is None or not span.is_recording:
        return {}
    return {**span.bound_fields, **ids()}


def ids() -> dict[str, str]:
    """`trace_id`, `span_id` and `session_id` of the current span, as far as there are such."""
    span = current_span()
    if span is None or not span.is_recording:
        return {}
    found = {"trace_id": span.trace_id, "span_id": span.span_id, "session_id": span.correlation.session_id}
    return {name: value for name, value in found.items() if value is not None}


def without_ids(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a line without ids that a bridge has put there: the line has them by itself."""
    known = ids()
    return {name: value for name, value in data.items() if name not in known or known[name] != value}
