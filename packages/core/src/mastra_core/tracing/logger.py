"""Logs as instrumented code writes them: the interface, and the one that does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class LoggerContext(Protocol):
    """Logs, correlated by themselves. `data` are fields of the line, under any name.

    An exception as the field `error` or `exc_info`, and `exc_info=True` for the one that is being
    handled, are recorded with type, message, stack and cause, as the field `exception`.
    """

    def trace(self, message: str, /, **data: Any) -> None:  # noqa: ANN401  # any field
        """Log at level `trace`."""
        ...

    def debug(self, message: str, /, **data: Any) -> None:  # noqa: ANN401
        """Log at level `debug`."""
        ...

    def info(self, message: str, /, **data: Any) -> None:  # noqa: ANN401
        """Log at level `info`."""
        ...

    def warn(self, message: str, /, **data: Any) -> None:  # noqa: ANN401
        """Log at level `warn`."""
        ...

    def error(self, message: str, /, **data: Any) -> None:  # noqa: ANN401
        """Log at level `error`."""
        ...

    def fatal(self, message: str, /, **data: Any) -> None:  # noqa: ANN401
        """Log at level `fatal`."""
        ...

    def log(
        self,
        level: str | int,
        message: str,
        data: Mapping[str, Any] | None = None,
        *,
        logger: str | None = None,
        error: BaseException | None = None,
        timestamp_ns: int | None = None,
        origin: str | None = None,
    ) -> None:
        """Log with everything said apart, as bridges from other logging libraries do.

        Args:
            level: a word (`trace` to `fatal`), or a number of the standard `logging` module.
            message: what is said.
            data: fields of the line.
            logger: name of the logger that said it.
            error: kept as the field `exception`: type, message, stack, cause.
            timestamp_ns: when it was said; None is now.
            origin: the library that hands it in where that has put it out itself; None for this API.
        """
        ...

    def is_enabled(self, level: str | int) -> bool:
        """Whether a line of this level is kept by anybody."""
        ...


class NoOpLogger:
    """Logs nothing."""

    def trace(self, message: str, /, **data: Any) -> None:  # noqa: ANN401
        """Nothing."""

    debug = info = warn = error = fatal = trace

    def log(self, level: str | int, message: str, data: Mapping[str, Any] | None = None, **said: Any) -> None:  # noqa: ANN401
        """Nothing."""

    def is_enabled(self, level: str | int) -> bool:
        """Never."""
        return False


NO_OP_LOGGER = NoOpLogger()
