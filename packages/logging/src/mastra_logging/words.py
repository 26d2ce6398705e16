"""Levels and texts of other logging libraries, in the words of this one."""

from __future__ import annotations

from mastra_core.signals.log import LOG_LEVELS, LogLevel
from mastra_core.signals.payload import clean_text

_SYNONYMS = {
    "warning": LogLevel.WARN,
    "exception": LogLevel.ERROR,
    "critical": LogLevel.FATAL,
    "notset": LogLevel.TRACE,
}


def to_level(level: object) -> LogLevel | None:
    """The level of a word, or of a number of the standard library: the next lower one."""
    if isinstance(level, str):
        return LOG_LEVELS.get(level.lower()) or _SYNONYMS.get(level.lower())
    if not isinstance(level, int) or isinstance(level, bool):
        return None
    return max((known for known in LogLevel if known <= level), default=LogLevel.TRACE)


def text_of(value: object) -> str:
    """Text of any value, as `str` has it; never raises."""
    try:
        return clean_text(str(value))
    except Exception:  # noqa: BLE001
        return f"<unprintable {type(value).__qualname__}>"
