"""The log of the program: what every line passes, wherever it was said.

A line gets its time, its ids and what is bound around it; is thinned, written, and handed to the
observability that is in use. Without `init_logging` the first line sets up the defaults.
"""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Final

from mastra_core.clock import Clock, system_clock
from mastra_core.errors import ConfigurationError
from mastra_core.signals.hidden_words import shows_words
from mastra_core.signals.log import LogLevel
from mastra_core.signals.payload import without_words
from mastra_core.tracing.active import active_logger
from mastra_core.tracing.current import current_span
from mastra_core.tracing.logger import LoggerContext
from mastra_core.tracing.observability import ObservabilityInstance
from mastra_logging.bound import bound_fields
from mastra_logging.config import LogConfig
from mastra_logging.fields import describe, ids_of_span, join_fields
from mastra_logging.line import LogLine
from mastra_logging.output import Output

ORIGIN: Final = "mastra_logging"
"""What lines that are printed here already say of themselves in the observability pipeline."""

_OURS: Final = ("mastra_logging", "structlog", "logging")


class Gate:
    """The least level of lines; below it a call ends after one comparison.

    Attributes:
        least: a number of `LogLevel`.
    """

    __slots__ = ("least",)

    def __init__(self) -> None:
        self.least: int = 0


GATE: Final = Gate()


class ProgramLog:
    """Takes what is said.

    Attributes:
        output: renders and writes.
        observability: where lines go besides; None takes what is in use.
    """

    def __init__(
        self, output: Output, observability: ObservabilityInstance | None = None, clock: Clock = system_clock
    ) -> None:
        self.output = output
        self.observability = observability
        self._now = clock
        self._thinner = output.make_thinner()
        self._busy = threading.local()

    def say(
        self,
        level: LogLevel,
        message: str,
        given: Mapping[str, Any],
        *,
        logger: str = "",
        error: BaseException | None = None,
        timestamp_ns: int | None = None,
        location: str | None = None,
        is_of_pipeline: bool = False,
        is_sent: bool = False,
    ) -> None:
        """Log a line; never raises.

        Args:
            level: its weight.
            message: what is said.
            given: fields of the call, under any names.
            logger: who says it; "" for nobody.
            error: exception that goes with it.
            timestamp_ns: when; None is now.
            location: file and line; None looks for the caller, where lines have one.
            is_of_pipeline: said by what takes lines away: it is printed, and goes no further round.
            is_sent: the observability in use has got it already.
        """
        now = self._now() if timestamp_ns is None else timestamp_ns
        was_busy = getattr(self._busy, "is_set", False)
        busy = is_of_pipeline or was_busy  # or said while a line is being written: by a sink, a stream
        self._busy.is_set = True
        try:
            known = ids_of_span()
            if self.output.config.location:
                known["location"] = location or _caller()
            if error is not None:
                known["exception"] = describe(error)
                message = message if shows_words(error) else without_words(message, error)
            line = LogLine(now, level.word, logger, message, join_fields(given, bound_fields(), known))
            for item in [line] if self._thinner is None else self._thinner.take(line):
                self.output.write(item, is_of_pipeline=busy)
                if not (busy or (is_sent and item is line)):
                    self._send(item, given if item is line else item.fields, error if item is line else None)
        except Exception as fault:  # noqa: BLE001  # an object of the user's that raises whatever is asked
            self.output.report("a line is lost", fault)
        finally:
            self._busy.is_set = was_busy

    def flush(self, timeout_s: float) -> bool:
        """Say what was held back, and have sinks hand over what waits. False if one did not in time."""
        self.say_held_back()
        return self.output.flush(timeout_s)

    def say_held_back(self) -> None:
        """Say how many lines were thinned out since it was said last."""
        for line in () if self._thinner is None else self._thinner.flush():
            self.output.write(line)
            self._send(line, line.fields, None)

    def renew_locks(self) -> None:
        """In a forked child: a lock that another thread held is held for ever."""
        self.output.renew_locks()
        if self._thinner is not None:
            self._thinner.renew_lock()

    def _send(self, line: LogLine, data: Mapping[str, Any], error: BaseException | None) -> None:
        logger = self.target()
        if not logger.is_enabled(line.level):
            return
        span = current_span()
        if span is None or not span.is_recording:  # else it has what is bound
            data = {**bound_fields(), **data}
        logger.log(
            line.level,
            line.message,
            data,
            logger=line.logger or None,
            error=error,
            timestamp_ns=line.timestamp_ns,
            origin=ORIGIN,
        )

    def target(self) -> LoggerContext:
        """Where lines go besides."""
        if self.observability is None or current_span() is not None:
            return active_logger()
        return self.observability.logger


def _caller() -> str | None:
    """File and line of the code that logs: the first frame that is not of a logging library."""
    frame: FrameType | None = inspect.currentframe()
    while frame is not None and str(frame.f_globals.get("__name__")).split(".")[0] in _OURS:
        frame = frame.f_back
    return None if frame is None else place(frame.f_code.co_filename, frame.f_lineno)


def place(file: str, line: int) -> str:
    """File and line as a person finds them: relative to the working directory where it is inside."""
    path = Path(file)
    here = _working_directory()
    if here is not None and path.is_relative_to(here):
        path = path.relative_to(here)
    return f"{path}:{line}"


def _working_directory() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it was removed
        return None


# ---------------------------------------------------------------- the one in use

lock = threading.RLock()
_current: ProgramLog | None = None


def current_program() -> ProgramLog:
    """The log in use; where nothing was set up, one with the defaults."""
    return _current or _set_up_defaults()


def is_set_up() -> ProgramLog | None:
    """The log in use, None where nothing was set up."""
    return _current


def use(program: ProgramLog | None) -> ProgramLog | None:
    """Make it the log in use, None for none; returns the one before. Call with `lock` held."""
    global _current  # there is one log of a program
    before, _current = _current, program
    GATE.least = 0 if program is None else program.output.level
    return before


def _set_up_defaults() -> ProgramLog:
    with lock:
        if _current is not None:
            return _current
        fault: Exception | None = None
        try:
            output = Output(LogConfig())
        except ConfigurationError as error:  # nobody is there to be told but by a line
            fault, output = error, Output(LogConfig.model_construct())
        program = ProgramLog(output)
        use(program)
    if fault is not None:
        output.report("the settings are wrong, so the defaults are used", fault)
    return program


def _after_fork() -> None:
    global lock  # noqa: PLW0603
    lock = threading.RLock()
    if _current is not None:
        _current.renew_locks()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def say(level: LogLevel, message: str, fields: Mapping[str, Any]) -> None:
    """Log a line of this package's own patterns."""
    if GATE.least <= level and level >= (program := current_program()).output.level:
        program.say(level, message, fields)
