"""Which records a query asks for: the meaning of every filter, one record at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from mastra_core.signals.correlation import CORRELATION_FIELDS
from mastra_core.signals.log import LogRecord
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.signals.span import SpanRecord
from mastra_core.storage.queries import LogQuery, SignalQuery, TraceQuery
from mastra_core.storage.text_search import is_found, parse_text

_EQUAL = {*CORRELATION_FIELDS, "name", "span_id"} - {"tags"}
_ONE_OF = {"trace_id", "span_type", "status", "level", "logger", "scorer_id", "feedback_type"}


def matches(query: SignalQuery, record: CorrelatedRecord, time_ns: int) -> bool:
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


def trace_matches(query: TraceQuery, root: SpanRecord, *, has_child_error: bool) -> bool:
    """The filters that traces have besides; all but the first speak of the root."""
    if query.has_child_error is not None and query.has_child_error != has_child_error:
        return False
    if query.scope is not None and not is_part(query.scope, root.scope or {}):
        return False
    return _in_range(root.duration_ms, query.min_duration_ms, query.max_duration_ms)


def log_matches(query: LogQuery, log: LogRecord) -> bool:
    """The filters that logs have besides."""
    if query.text is not None and not is_found(parse_text(query.text), log.message):
        return False
    data = log.data or {}
    if query.data is not None and not is_part(query.data, data):
        return False
    return query.data_keys is None or set(query.data_keys) <= data.keys()


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
