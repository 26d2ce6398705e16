"""The deprecated `logger=` of `Mastra`: a level, or an object that has one."""

from __future__ import annotations

from typing import cast

from mastra_core.errors import ConfigurationError
from mastra_core.runtime.config import LogLevelWord
from mastra_core.signals.log import LOG_LEVELS, to_level


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
    known = to_level(level)
    if known is None:
        raise ConfigurationError(
            f"Field `logger` must be one of {', '.join(LOG_LEVELS)}, or a logger that has a level, "
            f"got {logger!r}; better: observability=ObservabilityConfig(log_level=…)"
        )
    return cast("LogLevelWord", known.word)
