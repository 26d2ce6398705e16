"""The store in memory: the definition of right that the other stores are compared with.

Small and obvious before fast: a dictionary per signal, and filters that read like their law.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

import msgspec

from mastra_core.errors import ConfigurationError, StoreClosedError
from mastra_core.signals.attributes import SpanStatus
from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES, SPANS, Table
from mastra_core.signals.correlation import CORRELATION_FIELDS
from mastra_core.signals.feedback import FeedbackExported, FeedbackRecord
from mastra_core.signals.log import LogExported, LogRecord
from mastra_core.signals.metric import MetricExported, MetricRecord
from mastra_core.signals.process import is_process_gone
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.signals.score import ScoreExported, ScoreRecord
from mastra_core.signals.span import SpanExported, SpanRecord
from mastra_core.storage.capabilities import Capabilities
from mastra_core.storage.page import Page
from mastra_core.storage.queries import (
    FeedbackQuery,
    LogQuery,
    MetricQuery,
    ScoreQuery,
    SignalQuery,
    TraceQuery,
)
from mastra_core.storage.trace_summary import SUMMARY_COLUMNS, TraceSummary

E = TypeVar("E", bound=msgspec.Struct)
R = TypeVar("R", bound=CorrelatedRecord)


class InMemoryStore:
    """Keeps all five signals until it is closed; for tests, notebooks and comparison."""

    capabilities = Capabilities(spans=True, logs=True, metrics=True, scores=True, feedback=True)

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._rows: dict[str, dict[tuple[Any, ...], Any]] = {}
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
            ended = {_span_key(span) for span in self._all(SPANS)}
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
            if _matches(query, root, root.started_at_ns)
            and _trace_matches(query, root, has_child_error=root.trace_id in failed)
        ]
        return _page(query, found, lambda trace: (trace.started_at_ns, trace.trace_id))

    def list_logs(self, query: LogQuery | None = None) -> Page[LogRecord]:
        """The logs that match."""
        return self._list(LOGS, query or LogQuery(), lambda log: (log.timestamp_ns, log.log_id))

    def list_metrics(self, query: MetricQuery | None = None) -> Page[MetricRecord]:
        """The observations that match."""
        return self._list(
            METRICS, query or MetricQuery(), lambda metric: (metric.timestamp_ns, metric.metric_id)
        )

    def list_scores(self, query: ScoreQuery | None = None) -> Page[ScoreRecord]:
        """The scores that match."""
        return self._list(SCORES, query or ScoreQuery(), lambda score: (score.timestamp_ns, score.score_id))

    def list_feedback(self, query: FeedbackQuery | None = None) -> Page[FeedbackRecord]:
        """The feedback that matches."""
        return self._list(
            FEEDBACK, query or FeedbackQuery(), lambda item: (item.timestamp_ns, item.feedback_id)
        )

    # ---------------------------------------------------------------- inside

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreClosedError("The store was used after close(); make a new one")

    def _write(self, table: Table[E, R], batch: Sequence[E]) -> None:
        key_of = _key_of(table)
        with self._lock:
            self._check_open()
            rows = self._rows.setdefault(table.name, {})
            for item in batch:
                rows.setdefault(key_of(item), item)

    def _all(self, table: Table[E, R]) -> list[E]:
        self._check_open()
        return list(cast("dict[Any, E]", self._rows.get(table.name, {})).values())

    def _list(self, table: Table[E, R], query: SignalQuery, key: Callable[[R], tuple[int, str]]) -> Page[R]:
        with self._lock:
            items = self._all(table)
        records = [table.record_of(table.row_of(item)) for item in items]
        return _page(query, [record for record in records if _matches(query, record, key(record)[0])], key)

    def _all_span_records(self) -> list[SpanRecord]:
        with self._lock:
            ended, still_open = self._all(SPANS), list(self._open.values())
        return [*map(_record, ended), *map(_open_record, still_open)]

    def _spans_of(self, trace_id: str) -> list[SpanRecord]:
        return [span for span in self._all_span_records() if span.trace_id == trace_id]


def _key_of(table: Table[E, R]) -> Callable[[E], tuple[Any, ...]]:
    positions = [i for i, column in enumerate(table.columns) if column.name in table.key]

    def key_of(item: E) -> tuple[Any, ...]:
        row = table.row_of(item)
        return tuple(row[i] for i in positions)

    return key_of


_span_key = _key_of(SPANS)


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


_EQUAL = {*CORRELATION_FIELDS, "name", "span_id", "logger"} - {"tags"}
_ONE_OF = {"trace_id", "span_type", "status", "level", "scorer_id", "feedback_type"}


def _matches(query: SignalQuery, record: CorrelatedRecord, time_ns: int) -> bool:
    """The filters that all signals share, and those that compare a field of the same name."""
    for name in _EQUAL | _ONE_OF:
        wanted = getattr(query, name, None)
        if wanted is None:
            continue
        value = getattr(record, name)
        if value not in wanted if isinstance(wanted, tuple) else value != wanted:
            return False
    window = query.window
    if window is not None:
        if window.start_ns is not None and time_ns < window.start_ns:
            return False
        if window.end_ns is not None and time_ns >= window.end_ns:
            return False
    if query.tags is not None and not set(query.tags) <= set(record.tags):
        return False
    labels = getattr(query, "labels", None)
    if labels is not None and not is_part(labels, getattr(record, "labels", {})):
        return False
    if not _in_range(
        getattr(record, "score", None), getattr(query, "min_score", None), getattr(query, "max_score", None)
    ):
        return False
    return query.metadata is None or is_part(query.metadata, record.metadata or {})


def _trace_matches(query: TraceQuery, root: SpanRecord, *, has_child_error: bool) -> bool:
    if query.has_child_error is not None and query.has_child_error != has_child_error:
        return False
    if query.scope is not None and not is_part(query.scope, root.scope or {}):
        return False
    return _in_range(root.duration_ms, query.min_duration_ms, query.max_duration_ms)


def _in_range(value: float | None, least: float | None, most: float | None) -> bool:
    if least is None and most is None:
        return True
    return value is not None and (least is None or value >= least) and (most is None or value <= most)


def is_part(part: object, whole: object) -> bool:
    """Whether an object holds all keys and values of another; numbers are compared as numbers."""
    if isinstance(part, Mapping):
        if not isinstance(whole, Mapping):
            return False
        items: Iterable[tuple[object, object]] = cast("Mapping[object, object]", part).items()
        return all(key in whole and is_part(value, cast("Any", whole)[key]) for key, value in items)
    if isinstance(part, bool) or isinstance(whole, bool):
        return part is whole
    return part == whole
