"""Levels of logs, as other libraries call them."""

import pytest

from mastra_core.signals.log import LOG_LEVELS, LogLevel, to_level


@pytest.mark.parametrize(
    ("said", "level"),
    [
        *LOG_LEVELS.items(),
        ("WARNING", LogLevel.WARN),
        ("critical", LogLevel.FATAL),
        ("exception", LogLevel.ERROR),
        ("notset", LogLevel.TRACE),
        (LogLevel.DEBUG, LogLevel.DEBUG),
        (0, LogLevel.TRACE),
        (-1, LogLevel.TRACE),
        (29, LogLevel.INFO),
        (10**9, LogLevel.FATAL),
        ("loud", None),
        (True, None),
        (1.5, None),
        (None, None),
    ],
)
def test_every_librarys_levels_are_understood(said, level):
    """Words in any case, their synonyms, and numbers, of which the next lower level counts."""
    assert to_level(said) is level


def test_what_raises_whatever_is_asked_of_it_is_no_level():
    """A logger that is handed it must not raise."""

    class Hostile:
        def __getattribute__(self, name):
            raise RuntimeError(name)

    assert to_level(Hostile()) is None
