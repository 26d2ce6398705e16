"""A trace in a list: its root span without payloads."""

from __future__ import annotations

from datetime import datetime

from pydantic import computed_field

from mastra_core.clock import duration_ms, to_datetime
from mastra_core.signals.attributes import SpanStatus, SpanType
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.storage.span_outline import OUTLINE_COLUMNS

_NOT_OF_ROOTS = {"parent_span_id", "is_event"}

SUMMARY_COLUMNS = tuple(column for column in OUTLINE_COLUMNS if column.name not in _NOT_OF_ROOTS)
"""The columns of the root span that a list of traces shows."""


class TraceSummary(CorrelatedRecord):
    """The root span of a trace without payloads, and what can be said of the whole."""

    trace_id: str
    span_id: str
    remote_parent_span_id: str | None = None
    name: str
    span_type: SpanType
    started_at_ns: int
    ended_at_ns: int | None = None
    status: SpanStatus
    error_message: str | None = None
    model: str | None = None
    provider: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    estimated_cost_usd: float | None = None
    has_child_error: bool = False

    @computed_field  # type: ignore[prop-decorator]
    @property
    def started_at(self) -> datetime:
        """Start, UTC."""
        return to_datetime(self.started_at_ns)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def duration_ms(self) -> float | None:
        """Milliseconds from start to end; None while the trace is running."""
        return duration_ms(self.started_at_ns, self.ended_at_ns)
