"""The logger that programs use: structlog's, with the levels of this project and typed methods.

    log = get_logger(__name__)
    log.info("fetched", rows=10)
    log = log.bind(customer="c-7")

Processors of structlog run on the way; the last one hands the line to the program's log.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeGuard, cast

import structlog
from structlog.contextvars import merge_contextvars
from structlog.typing import EventDict, Processor

from mastra_core.signals.log import LogLevel, to_level
from mastra_core.signals.payload import text_of, without_hidden_words
from mastra_logging.program import GATE, current_program


def _awaited(method: Callable[..., None]) -> Callable[..., Coroutine[Any, Any, None]]:
    """The same to be awaited, as structlog has it; nothing waits, for lines are quick."""

    async def awaited(self: Logger, *args: Any, **fields: Any) -> None:  # noqa: ANN401
        method(self, *args, **fields)

    awaited.__name__ = f"a{method.__name__}"
    return awaited


class Logger(structlog.BoundLoggerBase):
    """Logs what is heavy enough; fields by keyword, under any name.

    An exception as the field `error` or `exc_info`, and `exc_info=True` for the one that is being
    handled, are logged with type, message, stack and cause. Positional arguments are put into the
    message with `%`. Of each method there is one to be awaited, with an `a` before its name, as
    structlog has them.
    """

    def trace(self, event: object, /, *args: object, **fields: Any) -> None:  # noqa: ANN401  # any field
        """Log at level `trace`."""
        if GATE.least <= 5:
            self._log(LogLevel.TRACE, event, args, fields)

    def debug(self, event: object, /, *args: object, **fields: Any) -> None:  # noqa: ANN401
        """Log at level `debug`."""
        if GATE.least <= 10:
            self._log(LogLevel.DEBUG, event, args, fields)

    def info(self, event: object, /, *args: object, **fields: Any) -> None:  # noqa: ANN401
        """Log at level `info`."""
        if GATE.least <= 20:
            self._log(LogLevel.INFO, event, args, fields)

    def warn(self, event: object, /, *args: object, **fields: Any) -> None:  # noqa: ANN401
        """Log at level `warn`."""
        if GATE.least <= 30:
            self._log(LogLevel.WARN, event, args, fields)

    def error(self, event: object, /, *args: object, **fields: Any) -> None:  # noqa: ANN401
        """Log at level `error`."""
        if GATE.least <= 40:
            self._log(LogLevel.ERROR, event, args, fields)

    def fatal(self, event: object, /, *args: object, **fields: Any) -> None:  # noqa: ANN401
        """Log at level `fatal`."""
        if GATE.least <= 50:
            self._log(LogLevel.FATAL, event, args, fields)

    def exception(self, event: object, /, *args: object, **fields: Any) -> None:  # noqa: ANN401
        """Log at level `error`, with the exception that is being handled."""
        self.error(event, *args, **{"exc_info": True, **fields})

    def log(self, level: str | int, event: object, /, *args: object, **fields: Any) -> None:  # noqa: ANN401
        """Log at a level given as a word, or as a number of the standard `logging` module."""
        known = to_level(level) or LogLevel.INFO
        if GATE.least <= known:
            self._log(known, event, args, fields)

    warning = warn
    critical = fatal
    msg = info

    atrace = _awaited(trace)
    adebug = _awaited(debug)
    ainfo = _awaited(info)
    awarn = _awaited(warn)
    aerror = _awaited(error)
    afatal = _awaited(fatal)
    aexception = _awaited(exception)
    alog = _awaited(log)
    awarning = awarn
    acritical = afatal
    amsg = ainfo

    def is_enabled_for(self, level: str | int) -> bool:
        """Whether a line of this level is written."""
        return (to_level(level) or LogLevel.INFO) >= current_program().output.level

    def get_effective_level(self) -> int:
        """The least level that is written, as a number."""
        return current_program().output.level

    def _log(self, level: LogLevel, event: object, args: tuple[object, ...], fields: dict[str, Any]) -> None:
        program = current_program()
        if level < program.output.level:  # the first line of all sets the level up
            return
        if args:
            try:
                is_by_name = len(args) == 1 and issubclass(type(args[0]), Mapping)
                arguments = args[0] if is_by_name else args
                event = without_hidden_words(text_of(event) % arguments, event, arguments)
            except Exception:  # noqa: BLE001  # a mistake in a message is no reason to fail
                fields = {**fields, "args": args}
        if "event" in fields or "event" in self._context:  # structlog's own name for the message
            fields = dict(fields)
            fields["field_event"] = fields.pop("event", self._context.get("event"))
        try:
            self._process_event(level.word, cast("str", event), fields)
        except structlog.DropEvent:
            pass
        except Exception as error:  # noqa: BLE001  # a processor of the user's
            program.output.report("a processor failed, its lines are lost", error)


class Named:
    """What structlog wraps: the name of the logger.

    Attributes:
        name: "" for none.
    """

    __slots__ = ("name",)

    def __init__(self, *args: object) -> None:
        self.name = text_of(args[0]) if args and args[0] is not None else ""


def hand_over(logger: Any, method_name: str, event_dict: EventDict) -> EventDict:  # noqa: ANN401  # structlog's
    """The last processor: what is said goes to the program's log."""
    given = dict(event_dict)
    message = text_of(given.pop("event", ""))
    error = take_error(given)
    name = logger.name if isinstance(logger, Named) else ""
    current_program().say(to_level(method_name) or LogLevel.INFO, message, given, logger=name, error=error)
    raise structlog.DropEvent


def take_error(given: dict[str, Any]) -> BaseException | None:
    """The exception among the fields, which loses its place there."""
    found: object = given.get("exc_info")
    if found is True:
        found = sys.exc_info()[1]
    elif type(found) is tuple:
        found = _second(cast("tuple[object, ...]", found))
    if found is None or found is False or _is_error(found):
        given.pop("exc_info", None)
    if _is_error(found):
        return found
    error: object = given.get("error")
    if _is_error(error):
        del given["error"]
        return error
    return None


def _second(found: tuple[object, ...]) -> object:
    """The exception of what `sys.exc_info()` gave; any other tuple as it is."""
    return found[1] if len(found) == 3 else found


def _is_error(value: object) -> TypeGuard[BaseException]:
    # `isinstance` would ask the object for its class, and an object may raise at that.
    return issubclass(type(value), BaseException)


PROCESSORS: Final[list[Processor]] = [merge_contextvars, hand_over]
"""What all loggers run; one list, changed in place, because structlog's loggers keep it."""


def get_logger(name: str | None = None, **fields: Any) -> Logger:  # noqa: ANN401
    """A logger.

    Args:
        name: who says it; `__name__` is a good one.
        **fields: of all its lines.
    """
    return Logger(Named(name), PROCESSORS, fields)
