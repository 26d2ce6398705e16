"""What can be asked of a store.

Queries are keyword-only models. A name that does not exist is refused with the names that do;
nothing is ever ignored in silence. Time windows are half-open and in UTC.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from mastra_core.clock import to_time_ns
from mastra_core.errors import InvalidQueryError, MastraError
from mastra_core.signals.feedback import ReviewStatus
from mastra_core.storage.cursors import START, Cursor
from mastra_core.storage.text_search import parse_text
from mastra_core.validated import Validated


def _as_tuple(value: object) -> object:
    """One text stands for a list of one."""
    return (value,) if isinstance(value, str) else value


Status = Literal["running", "success", "error", "interrupted"]
Type = Literal["counter", "gauge", "histogram"]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Level = Literal["trace", "debug", "info", "warn", "error", "fatal"]

# To a type checker what a user may write, to pydantic what a query holds in the end.
if TYPE_CHECKING:
    OneOrMore = str | Sequence[str]
    OneOrMoreStatuses = Status | Sequence[Status]
    OneOrMoreLevels = Level | Sequence[Level]
    OneOrMoreTypes = Type | Sequence[Type]
else:
    OneOrMore = Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
    OneOrMoreStatuses = Annotated[tuple[Status, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
    OneOrMoreLevels = Annotated[tuple[Level, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
    OneOrMoreTypes = Annotated[tuple[Type, ...], BeforeValidator(_as_tuple), Field(min_length=1)]


class Query(Validated):
    """What all queries share."""

    error_class: ClassVar[type[MastraError]] = InvalidQueryError
    path: ClassVar[str] = "query"


class TimeWindow(Query):
    """A half-open stretch of time: `start <= t < end`. A bound of None is open; no zone means UTC."""

    path: ClassVar[str] = "window"

    start: datetime | None = None
    end: datetime | None = None

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.start is not None and self.end is not None and self.start_ns >= self.end_ns:  # type: ignore[operator]
            raise ValueError(
                f"a window whose start is before its end ({self.start} is not before {self.end})"
            )
        return self

    @classmethod
    def last(
        cls,
        *,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        until: datetime | None = None,
    ) -> TimeWindow:
        """From so long ago, with no end, so that what arrives while reading is found as well.

        With `until` it is so long before that moment, which is the end: series reach up to it, and the
        window can be compared with the one before.
        """
        length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if length <= timedelta(0):
            raise InvalidQueryError(f"Field `window` must be longer than nothing, got {length}; try hours=24")
        return cls(start=(datetime.now(UTC) if until is None else until) - length, end=until)

    @property
    def start_ns(self) -> int | None:
        """Nanoseconds since 1970."""
        return None if self.start is None else to_time_ns(self.start)

    @property
    def end_ns(self) -> int | None:
        """Nanoseconds since 1970."""
        return None if self.end is None else to_time_ns(self.end)


class ContextQuery(Query):
    """The common filter: every field of the correlation context, time and page.

    Attributes:
        tags: all of these.
        metadata: these keys with these values; an object matches the objects that contain it.
    """

    entity_type: str | None = None
    entity_id: str | None = None
    entity_name: str | None = None
    parent_entity_type: str | None = None
    parent_entity_id: str | None = None
    parent_entity_name: str | None = None
    root_entity_type: str | None = None
    root_entity_id: str | None = None
    root_entity_name: str | None = None
    user_id: str | None = None
    organization_id: str | None = None
    resource_id: str | None = None
    run_id: str | None = None
    session_id: str | None = None
    thread_id: str | None = None
    request_id: str | None = None
    environment: str | None = None
    source: str | None = None
    service_name: str | None = None
    experiment_id: str | None = None
    tags: OneOrMore | None = None
    metadata: dict[str, Any] | None = None
    window: TimeWindow | None = None
    limit: int = Field(default=50, ge=1, le=10_000)
    offset: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _check_metadata(self) -> Self:
        for name in ("metadata", "scope", "data"):
            _check_partial(name, getattr(self, name, None))
        return self


class SignalQuery(ContextQuery):
    """Which signals of a kind.

    Attributes:
        order: by time, ties broken by id in the same direction.
    """

    order: Literal["newest", "oldest"] = "newest"


def _check_partial(path: str, value: object) -> None:
    if isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            _check_partial(f"{path}.{key}", item)
    elif value is not None and not isinstance(value, str | int | float | bool):
        raise ValueError(f"an object of texts, numbers, booleans and objects (`{path}` is not)")


class TraceQuery(SignalQuery):
    """Which traces; every filter but the last speaks of the root span.

    Attributes:
        trace_id: one trace, or one of several.
        status: one or more of running, success, error, interrupted.
        min_duration_ms: at least so long; running traces have no length yet.
        max_duration_ms: at most so long.
        scope: these keys with these values, as for `metadata`.
        has_child_error: whether a span below the root ended in an error.
    """

    trace_id: OneOrMore | None = None
    name: str | None = None
    span_type: OneOrMore | None = None
    status: OneOrMoreStatuses | None = None
    min_duration_ms: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_duration_ms: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    scope: dict[str, Any] | None = None
    has_child_error: bool | None = None


class BranchQuery(SignalQuery):
    """Which spans, of any depth, as the heads of branches; every filter speaks of the head.

    Ties of time are broken by trace id, then by span id.

    Attributes:
        trace_id: in this trace, or in one of several.
        name: called so.
        span_type: one or more kinds, for instance tool_call.
        status: one or more of running, success, error, interrupted.
        min_duration_ms: at least so long; running spans have no length yet.
        max_duration_ms: at most so long.
        model: of model spans, this model, or one of several.
        provider: the same.
        is_root: whether it has no parent; False leaves out what `list_traces` shows.
        is_event: whether it is a moment rather than a piece of work.
    """

    trace_id: OneOrMore | None = None
    name: str | None = None
    span_type: OneOrMore | None = None
    status: OneOrMoreStatuses | None = None
    min_duration_ms: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_duration_ms: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    model: OneOrMore | None = None
    provider: OneOrMore | None = None
    is_root: bool | None = None
    is_event: bool | None = None


def _check_cursor(after: str) -> str:
    if after != START:
        Cursor.decode(after)
    return after


def _check_text(text: str) -> str:
    parse_text(text)
    return text


class MomentQuery(SignalQuery):
    """What the signals of one moment share: logs, metrics, scores and feedback.

    Attributes:
        trace_id: made in this trace, or in one of several.
        span_id: made in this span.
        after: a `page.cursor`: the rows that arrived behind it, in order of arrival. A reader that
            goes on with the cursor of each page gets every row once, however late its time is. With
            the cursor of a list it follows that list, with "" it begins with the oldest row.
    """

    trace_id: OneOrMore | None = None
    span_id: str | None = None
    after: Annotated[str, AfterValidator(_check_cursor)] | None = None

    @model_validator(mode="after")
    def _check_order_of_arrival(self) -> Self:
        both = sorted({"order", "offset"} & self.model_fields_set)
        if self.after is not None and both:
            raise ValueError(f"without `{both[0]}` where it has `after`, which is in order of arrival")
        return self


class LogQuery(MomentQuery):
    """Which logs.

    Attributes:
        level: one or more of trace, debug, info, warn, error, fatal.
        logger: said by this logger, or by one of several.
        text: every word occurs in the message, whatever the case; quotes make a phrase. The rule is
            that of `mastra_core.storage.text_search`.
        data: fields with these values, as for `metadata`.
        data_keys: fields with all of these names, whatever their values.
    """

    level: OneOrMoreLevels | None = None
    logger: OneOrMore | None = None
    text: Annotated[str, AfterValidator(_check_text)] | None = None
    data: dict[str, Any] | None = None
    data_keys: OneOrMore | None = None


class MetricQuery(MomentQuery):
    """Which observations.

    Attributes:
        name: of this metric, or of one of several.
        type: one or more of counter, gauge, histogram.
        labels: these labels with these values.
        unit: in this unit, or in one of several.
        provider: of the model, as stored beside the labels.
        model: the same.
        min_value: at least so much.
        max_value: at most so much.
    """

    name: OneOrMore | None = None
    type: OneOrMoreTypes | None = None
    labels: dict[str, str] | None = None
    unit: OneOrMore | None = None
    provider: OneOrMore | None = None
    model: OneOrMore | None = None
    min_value: Finite | None = None
    max_value: Finite | None = None


class ScoreQuery(MomentQuery):
    """Which scores; `source` and `experiment_id` are among the common filters.

    Attributes:
        scorer_id: judged by this scorer, or by one of several.
        scorer_version: by this version of it.
        score_trace_id: whose scoring is this trace.
        min_score: at least so much.
        max_score: at most so much.
    """

    scorer_id: OneOrMore | None = None
    scorer_version: OneOrMore | None = None
    score_trace_id: str | None = None
    min_score: Finite | None = None
    max_score: Finite | None = None


class FeedbackQuery(MomentQuery):
    """Which feedback; `source`, `user_id` and `experiment_id` are among the common filters.

    Attributes:
        feedback_type: one kind, or one of several.
        value: exactly this number or this text; 1 is not "1".
        min_value: a number, at least so much.
        max_value: a number, at most so much.
        source_id: called so in its own system.
        review_status: needs_review or reviewed.
    """

    feedback_type: OneOrMore | None = None
    value: float | str | None = None
    min_value: Finite | None = None
    max_value: Finite | None = None
    source_id: str | None = None
    review_status: ReviewStatus | None = None

    @field_validator("value")
    @classmethod
    def _check_value(cls, value: float | str | None) -> float | str | None:
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("a finite number or a text")
        return value
