"""The deprecated `logger=` of `Mastra`: a level, or an object that has one."""

from __future__ import annotations

from typing import cast

from mastra_core.errors import ConfigurationError
from mastra_core.runtime.config import LogLevelWord
from mastra_core.signals.log import LOG_LEVELS, LogLevel

_SYNONYMS = {"warning": "warn", "critical": "fatal", "notset": "trace"}


def level_of(logger: object) -> LogLevelWord:
    """The level that a logger stands for.

    Args:
        logger: a word, a number of the standard `logging` module, or an object with
            `getEffectiveLevel()` or `level`.

    Raises:
        ConfigurationError: no level can be found in it.
    """
    level = logger
    ask = getattr(logger, "getEffectiveLevel", None)
    if callable(ask):
        level = ask()
    elif not isinstance(logger, str | int):
        level = getattr(logger, "level", None)
    word = _word(level)
    if word is None:
        raise ConfigurationError(
            f"Field `logger` must be one of {', '.join(LOG_LEVELS)}, or a logger that has a level, "
            f"got {logger!r}; better: observability=ObservabilityConfig(log_level=…)"
        )
    return cast("LogLevelWord", word)


def _word(level: object) -> str | None:
    if isinstance(level, str):
        word = _SYNONYMS.get(level.lower(), level.lower())
        return word if word in LOG_LEVELS else None
    if isinstance(level, int) and not isinstance(level, bool):
        # The next lower one, so that nothing is lost that the logger would have let through.
        lower = [known for known in LogLevel if known <= level]
        return (lower[-1] if lower else LogLevel.TRACE).word
    return None
