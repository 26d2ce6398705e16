"""Feedback: what a user or a reviewer says of a span or a trace, as a number or a text.

Input: `FeedbackInput`. Exported: `FeedbackExported`. Record: `FeedbackRecord`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, TypedDict

import msgspec
from pydantic import PlainValidator, computed_field

from mastra_core.clock import to_datetime
from mastra_core.errors import with_safe_text
from mastra_core.signals.correlation import EMPTY_CORRELATION, Correlation
from mastra_core.signals.payload import OptionalJson
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.validated import NonBlank, Validated

ReviewStatus = Literal["needs_review", "reviewed"]
"""Whether a person still has to look at feedback."""


def _read_value(value: object) -> float | str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and abs(value) <= sys.float_info.max:
        return value
    raise with_safe_text(ValueError("a finite number or a text"))


class FeedbackInput(Validated):
    """Feedback as a user gives it.

    Attributes:
        feedback_type: what kind, for instance `thumbs` or `rating`; not empty.
        value: a finite number or a text; it comes back as what it was.
        source: who says it, for instance `user` or `reviewer`.
        comment: in words.
        user_id: the person.
        source_id: identifies the source in its own system.
        metadata: free map; what is annotated adds its own.
        trace_id: the trace it is about, where the call does not say.
        span_id: the span of it; None is the trace as a whole.
    """

    path: ClassVar[str] = "feedback"

    feedback_type: NonBlank
    value: Annotated[float | str, PlainValidator(_read_value)]
    source: str | None = None
    comment: str | None = None
    user_id: str | None = None
    source_id: str | None = None
    metadata: dict[str, Any] | None = None
    trace_id: NonBlank | None = None
    span_id: NonBlank | None = None


class FeedbackDetails(TypedDict, total=False):
    """What may be said of feedback beside its type and value; as in `FeedbackInput`."""

    source: str | None
    comment: str | None
    user_id: str | None
    source_id: str | None
    metadata: Mapping[str, Any] | None


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
    review_status: ReviewStatus = "needs_review"
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
    review_status: ReviewStatus

    @property
    def value(self) -> float | str | None:
        """The number or the text."""
        return self.value_text if self.value_number is None else self.value_number

    @computed_field  # type: ignore[prop-decorator]
    @property
    def timestamp(self) -> datetime:
        """The moment, UTC."""
        return to_datetime(self.timestamp_ns)
