"""From what a logger queued to the exported log; on a worker.

Joins what is bound to the span with the fields of the line, formats the exception, and applies the
payload limits.
"""

# The live span and what correlates with it are one mechanism in two packages.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mastra_core.ids import IdSource, format_span_id
from mastra_core.signals.correlation import Correlation
from mastra_core.signals.events import LogEvent
from mastra_core.signals.log import LogExported
from mastra_core.signals.payload import Json, clean_text, encode, text_of
from mastra_core.tracing.error_snapshot import ErrorSnapshot
from mastra_core.tracing.span import Span
from mastra_core.tracing.trace_state import TraceState
from mastra_observability.processors.limits import PayloadLimiter
from mastra_observability.snapshot import as_object, merge

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class PendingLog(msgspec.Struct, gc=False):
    """A log line on the queue of the bus: what the caller paid for. Built by position.

    Attributes:
        timestamp_ns: when it was said.
        level: a word.
        message: text as the user gave it.
        data: fields as JSON text.
        span: what it belongs to, None outside a trace.
        trace: the state of the span at that time.
        logger: name of who said it.
        error: exception that goes with it.
        origin: as in `LogExported`.
        heavy_bytes: what it counts against the bytes that may wait.
    """

    timestamp_ns: int
    level: str
    message: str
    data: bytes
    span: Span | None
    trace: TraceState | None
    logger: str | None = None
    error: ErrorSnapshot | None = None
    origin: str | None = None
    heavy_bytes: int = 0


class LogSnapshot:
    """Turns queued log lines into events.

    Args:
        limiter: cuts messages and fields that are too large.
        ids: where ids come from.
        base: correlation of what is logged outside a trace.
    """

    def __init__(self, limiter: PayloadLimiter, ids: IdSource, base: Correlation) -> None:
        self._limiter = limiter
        self._ids = ids
        self._base = base
        self._bound: Mapping[str, Any] | None = None
        self._bound_text = b""

    def __call__(self, line: PendingLog) -> LogEvent:
        """The event of a line."""
        span, trace = line.span, line.trace
        if span is None or trace is None:
            trace_id = span_id = None
            correlation = self._base
        else:
            trace_id = trace.trace_id or None
            span_id = format_span_id(span._number) if trace_id and span._number else None
            correlation = span._correlation
        data = self._data(line, None if trace is None else trace.fields)
        return LogEvent(
            LogExported(
                self._ids.signal_id(line.timestamp_ns),
                line.timestamp_ns,
                line.level,
                self._limiter.cut_text(clean_text(line.message)),
                None if line.logger is None else self._limiter.cut_text(text_of(line.logger)),
                None if data is None else Json(self._limiter.apply(data)),
                trace_id,
                span_id,
                None,
                correlation,
                None if line.origin is None else self._limiter.cut_text(line.origin),
            )
        )

    def _data(self, line: PendingLog, bound: Mapping[str, Any] | None) -> bytes | None:
        """What is bound, then the fields of the line, then its exception; None where there is nothing.

        Of a bound field that the line has itself, the line's value is the right one.
        """
        data = as_object(line.data)
        if line.error is not None:
            data = _with_exception(data, line.error)
        if bound:
            text = self._text_of_bound(bound)
            if data == b"{}":
                return text
            if any(encode(name) in data for name in bound):  # perhaps as a value, or deeper: to be looked at
                return merge([data], (text,))
            return text[:-1] + b"," + data[1:]
        return None if data == b"{}" else data

    def _text_of_bound(self, bound: Mapping[str, Any]) -> bytes:
        # The lines of a step come one after the other, and what is bound to it is never changed in place.
        if bound is not self._bound:
            self._bound_text = encode(bound)
            self._bound = bound
        return self._bound_text


def _with_exception(data: bytes, error: ErrorSnapshot) -> bytes:
    """The fields and `exception`; a field of the user's that has this name becomes `exception_`."""
    fields = _decode_object(data)
    if "exception" in fields:
        fields["exception_"] = fields.pop("exception")
    fields["exception"] = msgspec.Raw(encode(error.describe()))
    return msgspec.json.encode(fields)
