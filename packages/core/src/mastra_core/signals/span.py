"""The span: one piece of work with a beginning, an end and a place in a tree.

Input: the arguments of `tracing.span(…)` and of the live handle, and `TracingOptions`.
Exported: `SpanExported`. Record: `SpanRecord`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from pydantic import computed_field

from mastra_core.clock import duration_ms, to_datetime
from mastra_core.signals.attributes import SpanStatus, SpanType
from mastra_core.signals.correlation import EMPTY_CORRELATION, Correlation
from mastra_core.signals.payload import OptionalJson
from mastra_core.signals.record import CorrelatedRecord


class SpanExported(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A span as it travels on the bus: immutable, JSON-safe, payloads already JSON text.

    Built by position on a worker, which is why the order of the fields matters. It holds nothing that
    could hold it, so the collector of garbage, which would look at thousands again and again, does not.

    Attributes:
        trace_id: 32 hex digits.
        span_id: 16 hex digits.
        parent_span_id: parent inside this program's part of the trace, None for a root.
        remote_parent_span_id: parent in another program; a root with one is still a root.
        started_at_ns: nanoseconds since 1970, UTC.
        ended_at_ns: the same, None while the span is running.
        error: JSON object with type, message and stack.
        links: JSON array of {"trace_id", "span_id"}.
        scope: JSON object that names the library which made the span.
        model: lifted out of the attributes, as are the next four, for summing and filtering.
        process: what runs the span, set while it is open (see `mastra_core.signals.process`).
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    span_type: str
    is_event: bool
    started_at_ns: int
    ended_at_ns: int | None
    status: str
    error: OptionalJson = None
    error_message: str | None = None
    input: OptionalJson = None
    output: OptionalJson = None
    attributes: OptionalJson = None
    links: OptionalJson = None
    scope: OptionalJson = None
    metadata: OptionalJson = None
    remote_parent_span_id: str | None = None
    model: str | None = None
    provider: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    estimated_cost_usd: float | None = None
    process: str | None = None
    correlation: Correlation = EMPTY_CORRELATION


class SpanRecord(CorrelatedRecord):
    """A span as a store returns it.

    The fields are the columns of `mastra_ai_spans`; times are kept to the nanosecond in `…_ns`,
    and as `datetime` (to the microsecond) beside that.
    """

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
    error: dict[str, Any] | None = None
    error_message: str | None = None
    input: Any = None
    output: Any = None
    attributes: dict[str, Any] | None = None
    links: list[dict[str, Any]] | None = None
    scope: dict[str, Any] | None = None
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
