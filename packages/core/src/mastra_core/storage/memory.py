"""The store in memory: the definition of right that the other stores are compared with.

Small and obvious before fast: a dictionary per signal, and filters that read like their law.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, TypeVar, cast
from uuid import uuid4

import msgspec

from mastra_core.errors import ConfigurationError, StoreClosedError, WriteRejectedError
from mastra_core.signals.attributes import SpanStatus
from mastra_core.signals.buckets import Bounds
from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES, SPANS, Table
from mastra_core.signals.feedback import FeedbackExported, FeedbackRecord, ReviewStatus
from mastra_core.signals.log import LogExported, LogRecord
from mastra_core.signals.metric import MetricExported, MetricRecord
from mastra_core.signals.process import is_process_gone
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.signals.score import ScoreExported, ScoreRecord
from mastra_core.signals.span import SpanExported, SpanRecord
from mastra_core.storage.aggregate import aggregate, histogram, percentiles
from mastra_core.storage.aggregating import Aggregating
from mastra_core.storage.aggregation import Aggregation, Percentiles
from mastra_core.storage.aggregation_plan import Plan, default_bounds
from mastra_core.storage.aio import Asynchronous
from mastra_core.storage.annotating import Annotating, check_review_status
from mastra_core.storage.capabilities import Capabilities
from mastra_core.storage.cursors import Cursor, arrival_of
from mastra_core.storage.discovery import (
    Discovering,
    DiscoveryQuery,
    MetricNameQuery,
    page_of_names,
)
from mastra_core.storage.figures import AggregateResult, HistogramResult, PercentileResult
from mastra_core.storage.matching import log_matches, matches, trace_matches
from mastra_core.storage.page import Page
from mastra_core.storage.queries import (
    ContextQuery,
    FeedbackQuery,
    LogQuery,
    MetricQuery,
    MomentQuery,
    ScoreQuery,
    SignalQuery,
    TraceQuery,
)
from mastra_core.storage.trace_summary import SUMMARY_COLUMNS, TraceSummary

E = TypeVar("E", bound=msgspec.Struct)
R = TypeVar("R", bound=CorrelatedRecord)


class InMemoryStore(Aggregating, Annotating, Asynchronous, Discovering):
    """Keeps all five signals until it is closed; for tests, notebooks and comparison."""

    capabilities = Capabilities(
        spans=True, logs=True, metrics=True, scores=True, feedback=True, discovery=True
    )

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._id = uuid4().hex
        self._rows: dict[str, dict[tuple[Any, ...], tuple[int, Any]]] = {}
        self._last_arrival = 0  # of any signal; `clear` does not begin anew, for the sake of cursors
        self._open: dict[tuple[Any, ...], SpanExported] = {}
        self._is_closed = False

    @classmethod
    def from_url(cls, url: str) -> InMemoryStore:
        """A new, empty store; the URL is `memory://` and nothing else."""
        if url.lower() != "memory://":
            raise ConfigurationError(f"The store in memory has no options, got {url!r}; write memory://")
        return cls()

    def initialize(self) -> None:
        """Nothing to open."""
        self._check_open()

    def clear(self) -> None:
        """Remove every row of every signal."""
        with self._lock:
            self._check_open()
            self._rows.clear()
            self._open.clear()

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._is_closed = True
            self._rows.clear()
            self._open.clear()
        self._close_aio()

    # ---------------------------------------------------------------- writing

    def write_spans(self, batch: Sequence[SpanExported]) -> None:
        """Store ended spans."""
        with self._lock:  # taken again inside: a reader must not see a span ended and open at once
            self._write(SPANS, batch)
            for span in batch:
                self._open.pop(_span_key(span), None)

    def write_open_spans(self, batch: Sequence[SpanExported]) -> None:
        """Note open spans."""
        with self._lock:
            self._check_open()
            ended = {_span_key(span) for _, span in self._all(SPANS)}
            self._open.update({key: span for span in batch if (key := _span_key(span)) not in ended})

    def write_logs(self, batch: Sequence[LogExported]) -> None:
        """Store logs."""
        self._write(LOGS, batch)

    def write_metrics(self, batch: Sequence[MetricExported]) -> None:
        """Store observations."""
        self._write(METRICS, batch)

    def write_scores(self, batch: Sequence[ScoreExported]) -> None:
        """Store scores."""
        self._write(SCORES, batch)

    def write_feedback(self, batch: Sequence[FeedbackExported]) -> None:
        """Store feedback."""
        self._write(FEEDBACK, batch)

    # ---------------------------------------------------------------- reading

    def get_span(self, trace_id: str, span_id: str) -> SpanRecord | None:
        """One span."""
        return next(iter(self.get_spans(trace_id, [span_id])), None)

    def get_root_span(self, trace_id: str) -> SpanRecord | None:
        """The earliest span without a parent."""
        return next((span for span in self.get_trace(trace_id) if span.is_root), None)

    def get_spans(self, trace_id: str, span_ids: Sequence[str]) -> list[SpanRecord]:
        """Several spans, in order of start."""
        wanted = set(span_ids)
        found = [span for span in self._spans_of(trace_id) if span.span_id in wanted]
        return sorted(found, key=lambda span: (span.started_at_ns, span.span_id))

    def get_trace(self, trace_id: str) -> list[SpanRecord]:
        """All spans, the root first."""
        return sorted(
            self._spans_of(trace_id), key=lambda span: (not span.is_root, span.started_at_ns, span.span_id)
        )

    def list_traces(self, query: TraceQuery | None = None) -> Page[TraceSummary]:
        """The traces that match, by their root spans."""
        query = query or TraceQuery()
        spans = self._all_span_records()
        failed = {span.trace_id for span in spans if not span.is_root and span.status is SpanStatus.ERROR}
        roots: dict[str, SpanRecord] = {}
        for span in sorted(spans, key=lambda span: (span.started_at_ns, span.span_id)):
            if span.is_root:
                roots.setdefault(span.trace_id, span)
        found = [
            _summary(root, has_child_error=root.trace_id in failed)
            for root in roots.values()
            if matches(query, root, root.started_at_ns)
            and trace_matches(query, root, has_child_error=root.trace_id in failed)
        ]
        return _page(query, found, lambda trace: (trace.started_at_ns, trace.trace_id))

    def list_logs(self, query: LogQuery | None = None) -> Page[LogRecord]:
        """The logs that match."""
        asked = query or LogQuery()
        return self._list(LOGS, asked, lambda log: log_matches(asked, log))

    def list_metrics(self, query: MetricQuery | None = None) -> Page[MetricRecord]:
        """The observations that match."""
        return self._list(METRICS, query or MetricQuery())

    def list_scores(self, query: ScoreQuery | None = None) -> Page[ScoreRecord]:
        """The scores that match."""
        return self._list(SCORES, query or ScoreQuery())

    def list_feedback(self, query: FeedbackQuery | None = None) -> Page[FeedbackRecord]:
        """The feedback that matches."""
        return self._list(FEEDBACK, query or FeedbackQuery())

    def get_score(self, score_id: str) -> ScoreRecord | None:
        """One score."""
        return self._get(SCORES, score_id)

    def get_feedback(self, feedback_id: str) -> FeedbackRecord | None:
        """One feedback."""
        return self._get(FEEDBACK, feedback_id)

    # ---------------------------------------------------------------- changing

    def delete_scores(self, score_ids: Sequence[str]) -> int:
        """Remove scores."""
        return self._delete(SCORES, score_ids)

    def delete_feedback(self, feedback_ids: Sequence[str]) -> int:
        """Remove feedback."""
        return self._delete(FEEDBACK, feedback_ids)

    def update_feedback_review(self, feedback_id: str, status: ReviewStatus) -> FeedbackRecord | None:
        """Say whether somebody still has to look."""
        check_review_status(status)
        with self._lock:
            self._check_open()
            rows = self._rows.get(FEEDBACK.name, {})
            for key, (arrival, item) in rows.items():
                if item.feedback_id == feedback_id:
                    rows[key] = arrival, msgspec.structs.replace(item, review_status=status)
        return self.get_feedback(feedback_id)

    # ---------------------------------------------------------------- numbers and names

    def _aggregate(self, plan: Plan, query: MomentQuery, aggregation: Aggregation) -> AggregateResult:
        table = plan.subject.table
        periods = [
            self._matching(table, query.model_copy(update={"window": period.window}))
            for period in plan.periods
        ]
        return aggregate(plan, aggregation, *periods)

    def _percentiles(self, plan: Plan, query: MomentQuery, asked: Percentiles) -> PercentileResult:
        return percentiles(plan, asked, self._matching(plan.subject.table, query))

    def _histogram(self, query: MetricQuery, bounds: Bounds | None) -> HistogramResult:
        found = sorted(self._matching(METRICS, query), key=_order_of(METRICS))
        unit = found[-1].unit if found else None
        bounds = default_bounds(query, unit) if bounds is None else bounds
        return histogram([record.value for record in found], bounds, unit)

    def _annotated(self, trace_id: str, span_id: str | None) -> SpanRecord | None:
        return self.get_root_span(trace_id) if span_id is None else self.get_span(trace_id, span_id)

    def _names(self, column: str, query: DiscoveryQuery) -> Page[str]:
        found: list[str | None] = []
        for table in query.tables:
            records = self._all_span_records() if table is SPANS else self._records(table)
            time = attrgetter(table.column_by_name[table.time].field)
            for record in records:
                if matches(query, record, time(record)):
                    value = getattr(record, column)
                    found += value if isinstance(value, list) else [value]
        return page_of_names(query, found)

    def _metric_names(self, query: MetricNameQuery) -> Page[str]:
        return page_of_names(query, [record.name for record in self._metrics_of(query)])

    def _label_keys(self, query: MetricNameQuery) -> Page[str]:
        return page_of_names(query, [key for record in self._metrics_of(query) for key in record.labels])

    def _label_values(self, key: str, query: MetricNameQuery) -> Page[str]:
        return page_of_names(query, [record.labels.get(key) for record in self._metrics_of(query)])

    def _metrics_of(self, query: MetricNameQuery) -> list[MetricRecord]:
        wanted = query.metric
        return [
            record for record in self._matching(METRICS, query) if wanted is None or record.name in wanted
        ]

    # ---------------------------------------------------------------- inside

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreClosedError("The store was used after close(); make a new one")

    def _write(self, table: Table[E, R], batch: Sequence[E]) -> None:
        key_of = _key_of(table)
        with self._lock:
            self._check_open()
            _refuse(table, batch)
            rows = self._rows.setdefault(table.name, {})
            for item in batch:
                key = key_of(item)
                if key not in rows:
                    self._last_arrival += 1
                    rows[key] = (self._last_arrival, item)

    def _all(self, table: Table[E, R]) -> list[tuple[int, E]]:
        """Everything with its arrival number, in order of arrival."""
        self._check_open()
        return list(cast("dict[Any, tuple[int, E]]", self._rows.get(table.name, {})).values())

    def _list(
        self, table: Table[E, R], query: MomentQuery, is_wanted: Callable[[R], bool] = lambda _: True
    ) -> Page[R]:
        with self._lock:
            items, last = self._all(table), self._last_arrival
        behind = 0 if query.after is None else arrival_of(query.after, table.name, self._id)
        key = _order_of(table)
        found = [
            (arrival, record)
            for arrival, item in items
            if arrival > behind
            and matches(query, record := table.record_of(table.row_of(item)), key(record)[0])
            and is_wanted(record)
        ]
        if query.after is None:
            page = _page(query, [record for _, record in found], key)
        else:
            page = Page([record for _, record in found[: query.limit]], len(found), query.limit, 0)
            if page.has_more:
                last = found[query.limit - 1][0]
        return replace(page, cursor=Cursor(table.name, self._id, last).encode())

    def _records(self, table: Table[E, R]) -> list[R]:
        with self._lock:
            return [table.record_of(table.row_of(item)) for _, item in self._all(table)]

    def _matching(self, table: Table[E, R], query: ContextQuery) -> list[R]:
        order = _order_of(table)
        return [record for record in self._records(table) if matches(query, record, order(record)[0])]

    def _get(self, table: Table[E, R], signal_id: str) -> R | None:
        found = [record for record in self._records(table) if _order_of(table)(record)[1] == signal_id]
        return max(found, key=_order_of(table), default=None)

    def _delete(self, table: Table[E, R], signal_ids: Sequence[str]) -> int:
        with self._lock:
            self._check_open()
            rows = self._rows.get(table.name, {})
            gone = [key for key in rows if set(key) & set(signal_ids)]
            for key in gone:
                del rows[key]
            return len(gone)

    def _all_span_records(self) -> list[SpanRecord]:
        with self._lock:
            ended, still_open = self._all(SPANS), list(self._open.values())
        return [*(_record(span) for _, span in ended), *map(_open_record, still_open)]

    def _spans_of(self, trace_id: str) -> list[SpanRecord]:
        return [span for span in self._all_span_records() if span.trace_id == trace_id]


def _key_of(table: Table[E, R]) -> Callable[[E], tuple[Any, ...]]:
    positions = [i for i, column in enumerate(table.columns) if column.name in table.key]

    def key_of(item: E) -> tuple[Any, ...]:
        row = table.row_of(item)
        return tuple(row[i] for i in positions)

    return key_of


def _order_of(table: Table[Any, R]) -> Callable[[R], tuple[int, str]]:
    """What lists are ordered by: the time, then the id, which is the first column of a moment."""
    return attrgetter(table.column_by_name[table.time].field, table.columns[0].field)


_span_key = _key_of(SPANS)


def _refuse(table: Table[E, Any], batch: Sequence[E]) -> None:
    """Refuse numbers that are not finite, which have no sum, and labels that are no texts."""
    kinds = [column.kind for column in table.columns]
    wrong = tuple(
        position
        for position, item in enumerate(batch)
        if not all(_is_sound(kind, value) for kind, value in zip(kinds, table.row_of(item), strict=True))
    )
    if wrong:
        where = ", ".join(map(str, wrong))
        raise WriteRejectedError(
            f"{table.name} holds finite numbers and labels of text; positions in the batch: {where}", wrong
        )


def _is_sound(kind: str, value: Any) -> bool:  # noqa: ANN401  # anything
    if kind == "float":
        return value is None or math.isfinite(value)
    if kind == "text_map":
        texts = cast("dict[object, object]", value or {})
        return all(isinstance(text, str) for text in (*texts, *texts.values()))
    return True


def _record(span: SpanExported) -> SpanRecord:
    return SPANS.record_of(SPANS.row_of(span))


def _open_record(span: SpanExported) -> SpanRecord:
    gone = span.process is not None and is_process_gone(span.process)
    return _record(span).model_copy(update={"status": SpanStatus.INTERRUPTED if gone else SpanStatus.RUNNING})


def _summary(root: SpanRecord, *, has_child_error: bool) -> TraceSummary:
    values = {column.field: getattr(root, column.field) for column in SUMMARY_COLUMNS}
    return TraceSummary(**values, has_child_error=has_child_error)


def _page(query: SignalQuery, found: list[R], key: Callable[[R], tuple[int, str]]) -> Page[R]:
    found.sort(key=key, reverse=query.order == "newest")
    items = found[query.offset : query.offset + query.limit]
    return Page(items, len(found), query.limit, query.offset)
