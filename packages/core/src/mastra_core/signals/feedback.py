"""Feedback: what a user or a reviewer says of a span or a trace, as a number or a text.

Input: `FeedbackInput`. Exported: `FeedbackExported`. Record: `FeedbackRecord`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, computed_field

from mastra_core.clock import to_datetime
from mastra_core.signals.correlation import EMPTY_CORRELATION, Correlation
from mastra_core.signals.payload import OptionalJson
from mastra_core.signals.record import CorrelatedRecord


class FeedbackInput(BaseModel):
    """Feedback as a user gives it.

    Attributes:
        feedback_type: what kind, for instance `thumbs` or `rating`; not empty.
        value: a finite number or a text; it comes back as what it was.
        source: who says it, for instance `user` or `reviewer`.
        source_id: identifies the source in its own system.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    feedback_type: str = Field(min_length=1)
    value: float | str = Field(union_mode="smart")
    source: str | None = None
    comment: str | None = None
    user_id: str | None = None
    source_id: str | None = None
    metadata: dict[str, Any] | None = None


class FeedbackExported(msgspec.Struct, frozen=True, omit_defaults=True):
    """Feedback as it travels on the bus; exactly one of the two values is set."""

    feedback_id: str
    timestamp_ns: int
    trace_id: str | None
    span_id: str | None
    feedback_type: str
    value_number: float | None = None
    value_text: str | None = None
    source: str | None = None
    comment: str | None = None
    source_id: str | None = None
    metadata: OptionalJson = None
    correlation: Correlation = EMPTY_CORRELATION


class FeedbackRecord(CorrelatedRecord):
    """Feedback as a store returns it; the fields are the columns of `mastra_ai_feedback`."""

    feedback_id: str
    timestamp_ns: int
    trace_id: str | None = None
    span_id: str | None = None
    feedback_type: str
    value_number: float | None = None
    value_text: str | None = None
    source: str | None = None
    comment: str | None = None
    source_id: str | None = None

    @property
    def value(self) -> float | str | None:
        """The number or the text."""
        return self.value_text if self.value_number is None else self.value_number

    @computed_field  # type: ignore[prop-decorator]
    @property
    def timestamp(self) -> datetime:
        """The moment, UTC."""
        return to_datetime(self.timestamp_ns)
