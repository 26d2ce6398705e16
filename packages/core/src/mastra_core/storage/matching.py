"""Which records a query asks for: the meaning of every filter, one record at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from mastra_core.signals.correlation import CORRELATION_FIELDS
from mastra_core.signals.log import LogRecord
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.signals.span import SpanRecord
from mastra_core.storage.queries import BranchQuery, ContextQuery, LogQuery, MetricQuery, TraceQuery
from mastra_core.storage.text_search import is_found, parse_text

_EQUAL = {
    *CORRELATION_FIELDS,
    *("name", "span_id", "score_trace_id", "value", "source_id", "review_status", "is_root", "is_event"),
} - {"tags"}
_ONE_OF = {
    *("trace_id", "span_type", "status", "level", "logger"),
    *("type", "unit", "provider", "model", "scorer_id", "scorer_version", "feedback_type"),
}
_COMPARED = _EQUAL | _ONE_OF
_RANGES = (("min_value", "max_value", "value"), ("min_score", "max_score", "score"))


def matches(query: ContextQuery, record: CorrelatedRecord, time_ns: int) -> bool:
    """The filters that all signals share, and those that compare a field of the same name."""
    asked = query.model_fields_set  # to look for each name that a query can have costs ten times as much
    for name in _COMPARED & asked:
        wanted = getattr(query, name)
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
    labels = query.labels if isinstance(query, MetricQuery) else None
    if labels is not None and not is_part(labels, getattr(record, "labels", {})):
        return False
    for least, most, name in _RANGES:
        if (least in asked or most in asked) and not _in_range(
            getattr(record, name), getattr(query, least), getattr(query, most)
        ):
            return False
    return query.metadata is None or is_part(query.metadata, record.metadata or {})


def trace_matches(query: TraceQuery, root: SpanRecord, *, has_child_error: bool) -> bool:
    """The filters that traces have besides; all but the first speak of the root."""
    if query.has_child_error is not None and query.has_child_error != has_child_error:
        return False
    if query.scope is not None and not is_part(query.scope, root.scope or {}):
        return False
    return _in_range(root.duration_ms, query.min_duration_ms, query.max_duration_ms)


def branch_matches(query: BranchQuery, span: SpanRecord) -> bool:
    """The filter that branches have besides."""
    return _in_range(span.duration_ms, query.min_duration_ms, query.max_duration_ms)


def log_matches(query: LogQuery, log: LogRecord) -> bool:
    """The filters that logs have besides."""
    if query.text is not None and not is_found(parse_text(query.text), log.message):
        return False
    data = log.data or {}
    if query.data is not None and not is_part(query.data, data):
        return False
    return query.data_keys is None or set(query.data_keys) <= data.keys()


def _in_range(value: float | str | None, least: float | None, most: float | None) -> bool:
    if least is None and most is None:
        return True
    if value is None or isinstance(value, str):
        return False
    return (least is None or value >= least) and (most is None or value <= most)


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
