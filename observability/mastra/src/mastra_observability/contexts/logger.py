"""Loggers: the caller's side of the way of a log line.

Everything here runs in the user's code, so it does as little as can be done: compare the level, look
at the current span, take the fields as JSON text, append to the queue of the bus. Benchmark rows `log`
and `log_suppressed` hold it to that. A worker makes the rest of it (`mastra_observability.log_snapshot`).
"""

# The live span and what correlates with it are one mechanism in two packages.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from collections.abc import Mapping
from gc import is_tracked
from typing import Any, cast

from mastra_core.clock import Clock
from mastra_core.signals.correlation import Correlation
from mastra_core.signals.hidden_words import shows_words
from mastra_core.signals.log import LogLevel, to_level
from mastra_core.signals.payload import beginning, encode, encode_fast, text_of, without_words
from mastra_core.tracing.current import get_current
from mastra_core.tracing.error_snapshot import ErrorSnapshot
from mastra_core.tracing.span import HEAVY_BYTES, HUGE_BYTES, HUGE_KEPT_BYTES, Span
from mastra_observability.bus import ObservabilityBus
from mastra_observability.levels import LogGate
from mastra_observability.log_snapshot import PendingLog

_LATEST_NS = 2**63 - 1


class RecordingLogger:
    """Logs what is heavy enough. No method raises, whatever it is given.

    A line belongs to the current span; without one it has no ids, and the correlation of the
    instance. Inside a trace that was sampled out nothing is logged. The fields of a line that are
    called `message`, `level` or `trace_id` are fields like any other: `data` is a place of its own.

    An exception is recorded with its stack, as the field `exception`, where it is the value of the
    field `error` or `exc_info`; `exc_info=True` takes the one that is being handled.

    Args:
        bus: where lines go.
        clock: what time it is.
        base: correlation of what is logged outside a trace.
        gate: the least level, which may change at any time.
        home: the span of the work that the logger was given to. Its lines belong to that trace, also
            where another one is current, or none, as in a thread that was started by hand.
    """

    __slots__ = ("_base", "_bus", "_gate", "_home", "_now", "_queue", "_worker")

    def __init__(
        self, bus: ObservabilityBus, clock: Clock, base: Correlation, gate: LogGate, home: Span | None = None
    ) -> None:
        self._bus = bus
        # Looked up here once, not for every line.
        self._queue = bus.queue
        self._worker = bus.worker
        self._now = clock
        self._base = base
        self._gate = gate
        self._home = home

    def inside(self, home: Span) -> RecordingLogger:
        """The same for code inside the span `home`."""
        return RecordingLogger(self._bus, self._now, self._base, self._gate, home)

    # By position alone: a field may be called `message` or `self`, and Python looks for the names of
    # other parameters among the fields of every call.

    def trace(self, message: str, /, **data: Any) -> None:  # noqa: ANN401  # any field
        """Log at level `trace`."""
        if self._gate.least <= 5:
            self._record("trace", message, data)

    def debug(self, message: str, /, **data: Any) -> None:  # noqa: ANN401
        """Log at level `debug`."""
        if self._gate.least <= 10:
            self._record("debug", message, data)

    def info(self, message: str, /, **data: Any) -> None:  # noqa: ANN401
        """Log at level `info`."""
        if self._gate.least <= 20:
            self._record("info", message, data)

    def warn(self, message: str, /, **data: Any) -> None:  # noqa: ANN401
        """Log at level `warn`."""
        if self._gate.least <= 30:
            self._record("warn", message, data)

    def error(self, message: str, /, **data: Any) -> None:  # noqa: ANN401
        """Log at level `error`."""
        if self._gate.least <= 40:
            self._record("error", message, data)

    def fatal(self, message: str, /, **data: Any) -> None:  # noqa: ANN401
        """Log at level `fatal`."""
        if self._gate.least <= 50:
            self._record("fatal", message, data)

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
        """Log with everything said apart; see `mastra_core.tracing.logger.LoggerContext`.

        A level that nobody knows is taken for `info`, a time that cannot be one for now.
        """
        known = to_level(level) or LogLevel.INFO
        if self._gate.least > known:
            return
        if type(timestamp_ns) is not int or not 0 <= timestamp_ns <= _LATEST_NS:
            timestamp_ns = None
        origin = None if origin is None else text_of(origin)
        self._record(known.word, message, _fields(data), error, timestamp_ns, logger, origin)

    def is_enabled(self, level: str | int) -> bool:
        """Whether a line of this level, logged here and now, is kept by anybody."""
        span = self._span()
        return (to_level(level) or LogLevel.INFO) >= self._gate.least and (span is None or span.takes_logs)

    def _span(self) -> Span | None:
        """The span that a line belongs to."""
        span, home = get_current(), self._home
        if home is not None and span is not home and (span is None or span.trace_id != home.trace_id):
            return home
        return span

    def _record(
        self,
        level: str,
        message: str,
        data: dict[str, Any],
        error: BaseException | None = None,
        timestamp_ns: int | None = None,
        logger: str | None = None,
        origin: str | None = None,
    ) -> None:
        """Take what was said as it is now, and queue it."""
        span, home = get_current(), self._home
        if home is not None and span is not home:  # the same as `_span`, without the call
            span = self._span()
        if span is None:
            trace = None
        elif span.takes_logs:
            trace = span._trace
        else:
            return
        if "exc_info" in data or (is_tracked(data) and _is_error(data.get("error"))):
            data, error = _take_error(data, error)
        try:
            # Flat ones, nearly all, need no guard against endless nesting.
            payload = encode(data) if is_tracked(data) else encode_fast(data)
        except Exception:  # noqa: BLE001  # a user's object may raise whatever it likes
            payload = encode(data)
        if type(message) is not str:
            message = text_of(message)
        raised = None
        if error is not None:
            is_shown = (trace is None or trace.shows_values) and shows_words(error)
            raised = ErrorSnapshot(error, with_values=is_shown)
            message = message if is_shown else without_words(message, error)
        line = PendingLog(
            self._now() if timestamp_ns is None else timestamp_ns,
            level,
            message,
            payload,
            span,
            trace,
            logger,
            raised,
            origin,
        )
        queue = self._queue
        if len(payload) + len(message) > HEAVY_BYTES or len(queue) >= self._bus.max_events:
            self._queue_heavy(line)
            return
        queue.append(line)  # the same as `queue_weighed`, without the call
        if self._worker.is_idle:
            self._worker.wake()

    def _queue_heavy(self, line: PendingLog) -> None:
        """Queue a line that is large, if there is room for it."""
        if len(line.data) > HUGE_BYTES:
            line.data = beginning(line.data, HUGE_KEPT_BYTES)
        if len(line.message) > HUGE_BYTES:
            line.message = line.message[:HUGE_KEPT_BYTES] + f"…[of {len(line.message)} characters]"
        size = len(line.data) + len(line.message)
        if size > HEAVY_BYTES:
            line.heavy_bytes = size
        self._bus.queue_weighed(line, line.heavy_bytes, "logs")


def _fields(data: object) -> dict[str, Any]:
    """The fields as a dictionary, whatever was handed in for one."""
    if type(data) is dict:
        return cast("dict[str, Any]", data)
    if data is None:
        return {}
    try:
        return dict(cast("Mapping[str, Any]", data))
    except Exception:  # noqa: BLE001  # no mapping, or one that does not work
        return {"data": data}


def _is_error(value: object) -> bool:
    # `isinstance` would ask the object for its class, and an object may raise at that.
    return issubclass(type(value), BaseException)


def _take_error(
    data: dict[str, Any], error: BaseException | None
) -> tuple[dict[str, Any], BaseException | None]:
    """The fields without the exception that is among them, and that exception."""
    rest = dict(data)
    found: object = rest.get("exc_info")
    if found is True:
        found = sys.exc_info()[1]
    elif type(found) is tuple:
        found = _second(cast("tuple[object, ...]", found))
    if found is None or found is False or _is_error(found):
        rest.pop("exc_info", None)  # else it is a field of the user's own
    if error is None and not _is_error(found) and _is_error(rest.get("error")):
        found = rest.pop("error")
    if error is None and _is_error(found):
        error = cast("BaseException", found)
    return rest, error


def _second(found: tuple[object, ...]) -> object:
    """The exception of what `sys.exc_info()` gave; any other tuple as it is."""
    return found[1] if len(found) == 3 and (found[1] is None or _is_error(found[1])) else found
