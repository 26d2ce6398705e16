"""The level of logs: of the whole instance, which may change at run time, and of single exporters."""

from __future__ import annotations

from mastra_core.errors import ConfigurationError
from mastra_core.signals.log import LOG_LEVELS, LogLevel

DEFAULT_LEVEL = LogLevel.INFO
"""Where nothing is configured."""

NOBODY = max(LogLevel) + 1
"""The least level where nobody takes logs."""


class LogGate:
    """The least level of lines that are recorded, for all loggers of an instance.

    Attributes:
        least: lines of less weight are not recorded.
    """

    __slots__ = ("least",)

    def __init__(self) -> None:
        self.least: int = DEFAULT_LEVEL


def check_exporter_level(level: object, exporter: str) -> LogLevel | None:
    """The level of an exporter; None where it was given none.

    Raises:
        ConfigurationError: there is no such level.
    """
    return None if level is None else check_level(level, f"`log_level` of {exporter}")


def check_level(level: object, field: str) -> LogLevel:
    """The level that a word, or a `LogLevel`, stands for.

    Args:
        level: what was given.
        field: what it was given for, as the message is to call it.

    Raises:
        ConfigurationError: there is no such level.
    """
    if isinstance(level, LogLevel):
        return level
    known = LOG_LEVELS.get(level) if isinstance(level, str) else None
    if known is None:
        allowed = ", ".join(LOG_LEVELS)
        raise ConfigurationError(
            f"Field {field} must be one of {allowed}, got {level!r} ({type(level).__name__})"
        )
    return known
