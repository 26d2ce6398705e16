"""The log: one message at one moment.

Input: `logger.info(message, **data)`. Exported: `LogExported`. Record: `LogRecord`.
"""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from typing import Any, cast

import msgspec
from pydantic import computed_field

from mastra_core.clock import to_datetime
from mastra_core.signals.correlation import EMPTY_CORRELATION, Correlation
from mastra_core.signals.payload import OptionalJson
from mastra_core.signals.record import CorrelatedRecord


class LogLevel(IntEnum):
    """Levels in rising order of weight; the numbers are those of the standard `logging` module."""

    TRACE = 5
    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40
    FATAL = 50

    @property
    def word(self) -> str:
        """The level as it is written: `trace`, `debug`, `info`, `warn`, `error`, `fatal`."""
        return self.name.lower()


LOG_LEVELS: dict[str, LogLevel] = {level.word: level for level in LogLevel}
"""Levels by the word that users write."""


_SYNONYMS = {
    "warning": LogLevel.WARN,
    "exception": LogLevel.ERROR,
    "critical": LogLevel.FATAL,
    "notset": LogLevel.TRACE,
}


def to_level(level: object) -> LogLevel | None:
    """The level of a word of any logging library, or of a number of the standard one.

    A number between two levels is the lower one, so that nothing is lost that it would have let
    through. None for what is no level.
    """
    kind = type(level)  # `isinstance` would ask the object for its class, and an object may raise at that
    if issubclass(kind, str):
        word = str.lower(cast("str", level))
        return LOG_LEVELS.get(word) or _SYNONYMS.get(word)
    if not issubclass(kind, int) or kind is bool:
        return None
    return max((known for known in LogLevel if known <= cast("int", level)), default=LogLevel.TRACE)


class LogExported(msgspec.Struct, frozen=True, omit_defaults=True):
    """A log as it travels on the bus; trace and span ids are None outside a trace.

    `origin` names the logging library that put the line out itself before it handed it in; it is not
    stored. None for a line of this project's API.
    """

    log_id: str
    timestamp_ns: int
    level: str
    message: str
    logger: str | None = None
    data: OptionalJson = None
    trace_id: str | None = None
    span_id: str | None = None
    metadata: OptionalJson = None
    correlation: Correlation = EMPTY_CORRELATION
    origin: str | None = None


class LogRecord(CorrelatedRecord):
    """A log as a store returns it; the fields are the columns of `mastra_ai_logs`."""

    log_id: str
    timestamp_ns: int
    level: str
    message: str
    logger: str | None = None
    data: dict[str, Any] | None = None
    trace_id: str | None = None
    span_id: str | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def timestamp(self) -> datetime:
        """The moment, UTC."""
        return to_datetime(self.timestamp_ns)
