"""A span without its payloads: what a tree of a trace is drawn from, and what lists of branches show."""

from __future__ import annotations

from datetime import datetime

from pydantic import computed_field

from mastra_core.clock import duration_ms, to_datetime
from mastra_core.signals.attributes import SpanStatus, SpanType
from mastra_core.signals.columns import SPANS
from mastra_core.signals.record import CorrelatedRecord

PAYLOADS = frozenset({"error", "input", "output", "attributes", "links", "scope"})
"""The columns of a span that may hold any amount."""

OUTLINE_COLUMNS = tuple(column for column in SPANS.columns if column.name not in PAYLOADS)
"""The columns of a span that its outline shows."""


class SpanOutline(CorrelatedRecord):
    """A span as `SpanRecord` has it, without `PAYLOADS`; of an error the message stays."""

    trace_id: str
    span_id: str
    parent_span_id: str | None = None
    remote_parent_span_id: str | None = None
    name: str
    span_type: SpanType
    is_event: bool = False
    started_at_ns: int
    ended_at_ns: int | None = None
    status: SpanStatus
    error_message: str | None = None
    model: str | None = None
    provider: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    estimated_cost_usd: float | None = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented use of mypy's gap
    @property
    def started_at(self) -> datetime:
        """Start, UTC."""
        return to_datetime(self.started_at_ns)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ended_at(self) -> datetime | None:
        """End, UTC; None while the span is running."""
        return None if self.ended_at_ns is None else to_datetime(self.ended_at_ns)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def duration_ms(self) -> float | None:
        """Milliseconds from start to end; None while the span is running."""
        return duration_ms(self.started_at_ns, self.ended_at_ns)

    @property
    def is_root(self) -> bool:
        """Whether the span has no parent inside this program."""
        return self.parent_span_id is None
