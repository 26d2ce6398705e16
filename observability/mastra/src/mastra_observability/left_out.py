"""Spans of a kind that is left out: children, logs and annotations go to the span around them."""

# The live span and what makes and takes it are one mechanism in two packages.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mastra_core.signals.correlation import Correlation
from mastra_core.tracing.hidden_errors import hide_words
from mastra_core.tracing.span import UNSET, Span
from mastra_core.tracing.trace_state import TraceState
from mastra_observability.measured import MeasuredSpan

if TYPE_CHECKING:
    from mastra_core.tracing.tracer import Tracer


class LeftOutSpan(Span):
    """A span that is not recorded, in a trace that is.

    To everything made inside it is the span around it: that is its id, and where there is none what is
    made inside has no parent. Where metrics are made of its kind it is measured, apart.

    Args:
        tracer: what made it.
        trace: its trace.
        around: the span to which everything goes; None where there is none.
        name: what it would be called.
        span_type: its kind.
        correlation: who and where, for all that is made inside.
        started_at_ns: when it began.
        measured: what measures it; None for nothing.
    """

    def __init__(
        self,
        tracer: Tracer,
        trace: TraceState,
        around: Span | None,
        name: str,
        span_type: str,
        correlation: Correlation,
        started_at_ns: int,
        measured: MeasuredSpan | None,
    ) -> None:
        number, above = (0, 0) if around is None else (around._number, around._parent_number)
        super().__init__(tracer, trace, number, above, name, span_type, correlation, started_at_ns)
        self.measured = measured

    @property
    def span_id(self) -> str | None:
        """Of the span around it, None where there is none."""
        return super().span_id if self._number else None

    def update(
        self,
        *,
        name: str | None = None,
        input: object = UNSET,  # the field's word
        output: object = UNSET,
        attributes: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Self:
        """Take what metrics are made of."""
        if self.measured is not None:
            self.measured.update(name=name, attributes=attributes)
        return self

    def error(self, error: BaseException, *, end: bool = False) -> Self:
        """Take that it failed."""
        hide_words(error, self)
        if self.measured is not None:
            self.measured.error(error)
        if end:
            self.end()
        return self

    def end(
        self,
        *,
        output: object = UNSET,
        attributes: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Measure it, once."""
        if self.measured is not None:
            self.measured.end(attributes=attributes)
        self._ended_at_ns = self._started_at_ns

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.error(error)
        self.end()  # so that nothing is handed to the tracer, which would take it for the span around it
        super().__exit__(None, None, None)


def number_for_sums(span: Span | None) -> int:
    """The number under which what is spent inside a span is summed up; 0 for none."""
    if isinstance(span, LeftOutSpan) and span.measured is not None:
        return span.measured._number
    return 0 if span is None else span._number
