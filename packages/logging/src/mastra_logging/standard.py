"""Lines of the standard `logging` module in the program's log."""

from __future__ import annotations

import logging
from typing import Final

from mastra_core.bridges.handover import claim, given_with
from mastra_core.signals.log import LogLevel, to_level
from mastra_core.signals.payload import text_of, without_hidden_words
from mastra_logging.program import GATE, ProgramLog, current_program, place

_PIPELINE: Final = "mastra"
"""Loggers and threads of the pipeline: what they say must not go into it again."""


class StandardHandler(logging.Handler):
    """Hands records to the program's log: `extra` as fields, the exception as exception.

    Where an `ObservabilityHandler` sees the same records, one of both hands them to the pipeline.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record; never raises."""
        level = to_level(record.levelno) or LogLevel.INFO
        program = current_program()
        if GATE.least > level:
            return
        try:
            _say(program, level, record)
        except Exception as fault:  # noqa: BLE001  # a record that somebody made by hand
            program.output.report("a line is lost", fault)


def _say(program: ProgramLog, level: LogLevel, record: logging.LogRecord) -> None:
    given = given_with(record)
    if record.stack_info:
        given["stack"] = record.stack_info
    try:
        message = without_hidden_words(record.getMessage(), record.msg, record.args)
    except Exception:  # noqa: BLE001  # arguments that do not fit the message
        message = text_of(record.msg)
        given["args"] = record.args
    is_of_pipeline = _is_of_pipeline(record)
    target = program.target()
    is_sent = not is_of_pipeline and target.is_enabled(level) and not claim(record, target)
    program.say(
        level,
        text_of(message),
        given,
        logger=record.name,
        error=record.exc_info[1] if record.exc_info else None,
        timestamp_ns=round(record.created * 1e9),
        location=place(record.pathname, record.lineno),
        is_of_pipeline=is_of_pipeline,
        is_sent=is_sent,
    )


def _is_of_pipeline(record: logging.LogRecord) -> bool:
    thread = record.threadName or ""
    return record.name.split(".")[0] == _PIPELINE or thread.startswith(_PIPELINE)


class Capture:
    """The handler while it is in the root logger, and what was there before."""

    def __init__(self, level: LogLevel) -> None:
        root = logging.getLogger()
        self._handler = StandardHandler()
        self._level_before = root.level
        root.addHandler(self._handler)
        root.setLevel(level)

    def end(self) -> None:
        """Leave the root logger as it was found."""
        root = logging.getLogger()
        root.removeHandler(self._handler)
        root.setLevel(self._level_before)
