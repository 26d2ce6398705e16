"""The one list of stored columns per signal.

Stores derive from it their DDL, their insert and the way from a row back to a record, so that a
new column is a new line here and nowhere else. The names are those that people type in SQL, the
same in every store, and the same as the fields of the records.

A column of kind `time_ns` is named `…_at` or `timestamp` in the store, and `…_ns` in records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, Literal, TypeVar, get_args

import msgspec

from mastra_core.signals.attributes import SpanStatus, SpanType
from mastra_core.signals.correlation import CORRELATION_FIELDS
from mastra_core.signals.feedback import FeedbackExported, FeedbackRecord, ReviewStatus
from mastra_core.signals.log import LogExported, LogRecord
from mastra_core.signals.metric import MetricExported, MetricRecord, MetricType
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.signals.score import ScoreExported, ScoreRecord
from mastra_core.signals.span import SpanExported, SpanRecord

ColumnKind = Literal["id", "keyword", "text", "bool", "int", "float", "time_ns", "json", "texts", "text_map"]
"""What a column holds.

`id`: many different short texts. `keyword`: few different short texts. `text`: anything.
`time_ns`: nanoseconds since 1970. `json`: JSON text. `texts`: list of texts.
`text_map`: texts by text.
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A stored column.

    Attributes:
        name: as in the store.
        kind: what it holds.
        source: dotted path to the value in the Exported.
        field: the record's field.
        is_required: whether it is never NULL.
        doc: a sentence for people who write SQL.
        allowed: the only values that it may hold; None where it may hold any.
    """

    name: str
    kind: ColumnKind
    source: str
    field: str
    is_required: bool
    doc: str
    allowed: tuple[str, ...] | None = None


E = TypeVar("E", bound=msgspec.Struct)
R = TypeVar("R", bound=CorrelatedRecord)


class Table(Generic[E, R]):
    """A signal's table: its name, its columns, and the ways in and out.

    Attributes:
        name: table name, the same in all stores.
        columns: in stored order.
        key: the columns by which a row is the same row; the time is one of them, so that a store
            need not look for an id in all that it ever stored.
        time: the column by which rows are ordered and pruned.
        row_of: the values of an Exported in the order of `columns`.
    """

    def __init__(
        self,
        name: str,
        exported: type[E],
        record: type[R],
        columns: Sequence[Column],
        key: Sequence[str],
        time: str,
    ) -> None:
        self.name = name
        self.exported = exported
        self.record = record
        self.columns = tuple(columns)
        self.key = tuple(key)
        self.time = time
        self.column_by_name = {column.name: column for column in columns}
        self.row_of: Callable[[E], tuple[Any, ...]] = attrgetter(*(column.source for column in columns))
        self._fields = tuple(column.field for column in columns)
        self._json = tuple(i for i, column in enumerate(columns) if column.kind == "json")
        self._lists = tuple(i for i, column in enumerate(columns) if column.kind in ("texts", "text_map"))

    def record_of(self, row: Sequence[Any]) -> R:
        """The record of a row whose values come in the order of `columns`, times as nanoseconds."""
        values = list(row)
        for i in self._json:
            value = values[i]
            if value is not None:
                values[i] = msgspec.json.decode(value)
        for i in self._lists:
            if values[i] is None:
                values[i] = [] if self.columns[i].kind == "texts" else {}
        return self.record.model_validate(dict(zip(self._fields, values, strict=True)))


def _column(
    name: str,
    kind: ColumnKind,
    doc: str,
    *,
    source: str | None = None,
    is_required: bool = False,
    allowed: Iterable[str] | None = None,
) -> Column:
    field = f"{name}_ns" if kind == "time_ns" else name
    values = None if allowed is None else tuple(str(value) for value in allowed)
    return Column(name, kind, source or field, field, is_required, doc, values)


_KEYWORDS = {
    "entity_type",
    "parent_entity_type",
    "root_entity_type",
    "environment",
    "source",
    "service_name",
}

_CORRELATION_DOCS = {
    "entity_type": "What kind of thing made it: agent, tool, workflow, step…",
    "entity_id": "Id of what made it.",
    "entity_name": "Name of what made it.",
    "parent_entity_type": "Kind of what called that.",
    "parent_entity_id": "Id of what called that.",
    "parent_entity_name": "Name of what called that.",
    "root_entity_type": "Kind of what the trace began with.",
    "root_entity_id": "Id of what the trace began with.",
    "root_entity_name": "Name of what the trace began with.",
    "user_id": "End user.",
    "organization_id": "Tenant.",
    "resource_id": "Resource worked on.",
    "run_id": "One execution of an agent or workflow.",
    "session_id": "Conversation; groups traces.",
    "thread_id": "Thread of messages.",
    "request_id": "Request that caused it.",
    "environment": "production, development…",
    "source": "Where the program runs from.",
    "service_name": "Program.",
    "experiment_id": "Experiment it belongs to.",
    "tags": "Markers of the user's.",
}

_CORRELATION = [
    _column(
        name,
        "texts" if name == "tags" else "keyword" if name in _KEYWORDS else "id",
        _CORRELATION_DOCS[name],
        source=f"correlation.{name}",
    )
    for name in CORRELATION_FIELDS
]
_METADATA = _column("metadata", "json", "Free map of the user's.")
_TRACE = [
    _column("trace_id", "id", "Trace it was made in; NULL outside a trace."),
    _column("span_id", "id", "Span it was made in; NULL outside a span."),
]

SPANS: Table[SpanExported, SpanRecord] = Table(
    "mastra_ai_spans",
    SpanExported,
    SpanRecord,
    [
        _column("trace_id", "id", "32 hex digits, the same for all spans of a trace.", is_required=True),
        _column("span_id", "id", "16 hex digits.", is_required=True),
        _column("parent_span_id", "id", "Span this one was made in; NULL for a root."),
        _column("remote_parent_span_id", "id", "Parent of a root in another program."),
        _column("name", "text", "What the span is called.", is_required=True),
        _column(
            "span_type",
            "keyword",
            "Kind: agent_run, model_generation, tool_call…",
            is_required=True,
            allowed=SpanType,
        ),
        _column("is_event", "bool", "A moment rather than a piece of work.", is_required=True),
        _column("started_at", "time_ns", "Start, UTC.", is_required=True),
        _column("ended_at", "time_ns", "End, UTC."),
        _column(
            "status",
            "keyword",
            "running, success, error or interrupted.",
            is_required=True,
            allowed=SpanStatus,
        ),
        _column("error", "json", "Error: type, message, stack."),
        _column("error_message", "text", "Message of the error."),
        _column("input", "json", "What went in."),
        _column("output", "json", "What came out."),
        _column("attributes", "json", "Attributes of its kind."),
        _column("links", "json", "Spans of other traces it belongs with."),
        _column("scope", "json", "Library that made it."),
        _column("model", "keyword", "Model, of model spans."),
        _column("provider", "keyword", "Provider of the model."),
        _column("input_tokens", "int", "Tokens into the model; on model_generation alone."),
        _column("output_tokens", "int", "Tokens out of the model; as above."),
        _column("estimated_cost_usd", "float", "Estimated cost in US dollars; as above."),
        *_CORRELATION,
        _METADATA,
    ],
    key=("trace_id", "span_id", "started_at"),
    time="started_at",
)

LOGS: Table[LogExported, LogRecord] = Table(
    "mastra_ai_logs",
    LogExported,
    LogRecord,
    [
        _column("log_id", "id", "Id; sorts by time.", is_required=True),
        _column("timestamp", "time_ns", "Moment, UTC.", is_required=True),
        _column("level", "keyword", "trace, debug, info, warn, error or fatal.", is_required=True),
        _column("message", "text", "What was said.", is_required=True),
        _column("logger", "keyword", "Logger that said it."),
        _column("data", "json", "Fields."),
        *_TRACE,
        *_CORRELATION,
        _METADATA,
    ],
    key=("log_id", "timestamp"),
    time="timestamp",
)

METRICS: Table[MetricExported, MetricRecord] = Table(
    "mastra_ai_metrics",
    MetricExported,
    MetricRecord,
    [
        _column("metric_id", "id", "Id; sorts by time.", is_required=True),
        _column("timestamp", "time_ns", "Moment, UTC.", is_required=True),
        _column("name", "keyword", "What was measured.", is_required=True),
        _column("type", "keyword", "counter, gauge or histogram.", is_required=True, allowed=MetricType),
        _column("value", "float", "Observation.", is_required=True),
        _column("labels", "text_map", "Labels."),
        _column("unit", "keyword", "Unit of the value."),
        *_TRACE,
        _column("provider", "keyword", "Provider of the model."),
        _column("model", "keyword", "Model."),
        _column("estimated_cost", "float", "Estimated cost."),
        _column("cost_unit", "keyword", "Unit of the cost."),
        *_CORRELATION,
        _METADATA,
    ],
    key=("metric_id", "timestamp"),
    time="timestamp",
)

SCORES: Table[ScoreExported, ScoreRecord] = Table(
    "mastra_ai_scores",
    ScoreExported,
    ScoreRecord,
    [
        _column("score_id", "id", "Id; sorts by time.", is_required=True),
        _column("timestamp", "time_ns", "Moment, UTC.", is_required=True),
        *_TRACE,
        _column("scorer_id", "keyword", "What judged.", is_required=True),
        _column("scorer_name", "keyword", "Its name."),
        _column("scorer_version", "keyword", "Its version."),
        _column("score", "float", "Score.", is_required=True),
        _column("reason", "text", "Why."),
        _column("score_trace_id", "id", "Trace of the scoring itself."),
        *[c for c in _CORRELATION if c.name != "source"],
        _column("source", "keyword", "live, trace, experiment…"),
        _METADATA,
    ],
    key=("score_id", "timestamp"),
    time="timestamp",
)

FEEDBACK: Table[FeedbackExported, FeedbackRecord] = Table(
    "mastra_ai_feedback",
    FeedbackExported,
    FeedbackRecord,
    [
        _column("feedback_id", "id", "Id; sorts by time.", is_required=True),
        _column("timestamp", "time_ns", "Moment, UTC.", is_required=True),
        *_TRACE,
        _column("feedback_type", "keyword", "Kind: thumbs, rating…", is_required=True),
        _column("value_number", "float", "Value, where it is a number."),
        _column("value_text", "text", "Value, where it is a text."),
        _column("comment", "text", "Comment."),
        _column("source_id", "id", "Source in its own system."),
        _column(
            "review_status",
            "keyword",
            "needs_review or reviewed.",
            is_required=True,
            allowed=get_args(ReviewStatus),
        ),
        *[c for c in _CORRELATION if c.name != "source"],
        _column("source", "keyword", "user, reviewer…"),
        _METADATA,
    ],
    key=("feedback_id", "timestamp"),
    time="timestamp",
)

TABLES = (SPANS, LOGS, METRICS, SCORES, FEEDBACK)
"""The tables of the five signals."""
