"""Golden queries: small traces and questions about them, with the answers that every store must give.

They are data, in the folder `golden`: `traces/*.json` is what is stored, `queries.json` what is asked.
A new meaning is a new row; a filter that no row asks for fails a test of this project.

A trace has `spans`, `open_spans`, `logs`, `metrics`, `scores` and `feedback`. Fields are those of the
signals, but for `at`, seconds after `BEGIN`, `ms`, how long a span took, `value` of feedback, which is a
number or a text, and `context`, the correlation of all rows of the trace.

A row of `queries.json`:

    name     what it means, in words
    ask      a method of the store
    first    what the method takes before the query, in order
    query    filters; a window is a pair of seconds after `BEGIN`
    each     in place of `query`: each of these filters alone has the same answer
    how      an aggregation, or the options of percentiles
    answer   ids or names, with the total; numbers with their series and groups
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any, cast

from mastra_core.signals.correlation import Correlation
from mastra_core.signals.feedback import FeedbackExported
from mastra_core.signals.log import LogExported
from mastra_core.signals.metric import MetricExported
from mastra_core.signals.payload import Json, encode
from mastra_core.signals.process import current_process
from mastra_core.signals.score import ScoreExported
from mastra_core.signals.span import SpanExported
from mastra_core.storage.aggregation import Aggregation
from mastra_core.storage.discovery import DiscoveryQuery, MetricNameQuery
from mastra_core.storage.figures import AggregateResult, HistogramResult, PercentileResult
from mastra_core.storage.page import Page
from mastra_core.storage.queries import (
    BranchQuery,
    ContextQuery,
    FeedbackQuery,
    LogQuery,
    MetricQuery,
    ScoreQuery,
    TimeWindow,
    TraceQuery,
)

Row = dict[str, Any]
"""A JSON object."""

BEGIN = datetime(2026, 3, 1, 10, tzinfo=UTC)
"""The moment that seconds in the data are counted from."""

QUERIES: dict[str, type[ContextQuery]] = {
    "list_traces": TraceQuery,
    "list_branches": BranchQuery,
    "list_logs": LogQuery,
    **dict.fromkeys(
        ("list_metrics", "aggregate_metrics", "metric_percentiles", "metric_histogram"), MetricQuery
    ),
    **dict.fromkeys(("list_scores", "aggregate_scores", "score_percentiles"), ScoreQuery),
    **dict.fromkeys(("list_feedback", "aggregate_feedback", "feedback_percentiles"), FeedbackQuery),
    **dict.fromkeys(
        ("list_entity_types", "list_entity_names", "list_services", "list_environments", "list_tags"),
        DiscoveryQuery,
    ),
    **dict.fromkeys(("list_metric_names", "list_label_keys", "list_label_values"), MetricNameQuery),
}
"""What each method is asked with."""

_PAYLOADS = {"error", "input", "output", "attributes", "links", "scope", "metadata", "data"}
_BEGIN_NS = int(BEGIN.timestamp()) * 10**9


def _read(*path: str) -> Any:  # noqa: ANN401  # JSON is any value
    folder = resources.files("mastra_core.testing.contracts") / "golden"
    return json.loads(folder.joinpath(*path).read_text("utf-8"))


def read_traces() -> list[Row]:
    """The traces, in the order of their files' names."""
    folder = resources.files("mastra_core.testing.contracts") / "golden" / "traces"
    return [_read("traces", name) for name in sorted(path.name for path in folder.iterdir())]


def read_queries() -> list[Row]:
    """The questions with their answers."""
    return cast("list[Row]", _read("queries.json"))


# ---------------------------------------------------------------- writing


def store_traces(store: Any) -> None:  # noqa: ANN401  # a store of all signals
    """Write all traces, a batch for each signal of each."""
    for trace in read_traces():
        store.write_open_spans([_span(trace, row) for row in trace.get("open_spans", [])])
        store.write_spans([_span(trace, row) for row in trace.get("spans", [])])
        store.write_logs([LogExported(**_moment(trace, row)) for row in trace.get("logs", [])])
        store.write_metrics([MetricExported(**_moment(trace, row)) for row in trace.get("metrics", [])])
        scores = [_moment(trace, {"span_id": None, **row}) for row in trace.get("scores", [])]
        store.write_scores([ScoreExported(**fields) for fields in scores])
        store.write_feedback([_feedback(trace, row) for row in trace.get("feedback", [])])


def _fields(trace: Row, row: Row) -> Row:
    context = dict(trace["context"])
    context["tags"] = tuple(context.get("tags", ()))
    known: Row = {"trace_id": trace["trace_id"]}
    known["correlation"] = Correlation(**context)
    own = {name: value for name, value in row.items() if name not in {"at", "ms"}}
    for name in _PAYLOADS & own.keys():
        own[name] = Json(encode(own[name]))
    return {**known, **own}


def _time_ns(seconds: float) -> int:
    return _BEGIN_NS + round(seconds * 1_000) * 10**6


def _moment(trace: Row, row: Row) -> Row:
    return {"timestamp_ns": _time_ns(row["at"]), **_fields(trace, row)}


def _span(trace: Row, row: Row) -> SpanExported:
    start_ns = _time_ns(row["at"])
    is_open = "ms" not in row
    known: Row = {
        "parent_span_id": None,
        "is_event": False,
        "started_at_ns": start_ns,
        "ended_at_ns": None if is_open else start_ns + row["ms"] * 10**6,
        "status": "running" if is_open else "success",
        "process": current_process() if is_open else None,
    }
    return SpanExported(**{**known, **_fields(trace, row)})


def _feedback(trace: Row, row: Row) -> FeedbackExported:
    fields = _moment(trace, {"span_id": None, **row})
    value = fields.pop("value")
    is_text = isinstance(value, str)
    return FeedbackExported(
        value_number=None if is_text else float(value), value_text=value if is_text else None, **fields
    )


# ---------------------------------------------------------------- asking


def queries_of(row: Row) -> Iterator[tuple[str, ContextQuery]]:
    """The queries of a row, each with what it asks for, as text."""
    kind = QUERIES[row["ask"]]
    alone: list[Row] = [{name: value} for name, value in row.get("each", {}).items()]
    for filters in alone or [row["query"]]:
        asked = dict(filters)
        if "window" in asked:
            start, end = map(_bound, asked["window"])
            asked["window"] = TimeWindow(start=start, end=end)
        yield str(filters), kind(**asked)


def _bound(seconds: float | None) -> datetime | None:
    return None if seconds is None else BEGIN + timedelta(seconds=seconds)


def answer_of(store: Any, row: Row, query: ContextQuery) -> Any:  # noqa: ANN401  # JSON is any value
    """What a store says, in the words of the data."""
    ask = getattr(store, row["ask"])
    first, how = row.get("first", []), row.get("how", {})
    if row["ask"].startswith("aggregate_"):
        return _plain(ask(query, Aggregation(**how)))
    return _plain(ask(*first, query, **how))


def _plain(answer: Any) -> Any:  # noqa: ANN401  # JSON is any value
    if isinstance(answer, Page):
        page: Page[Any] = answer  # pyright: ignore[reportUnknownVariableType]
        return {"total": page.total, "items": [_name(item) for item in page.items]}
    if isinstance(answer, HistogramResult):
        return {"count": answer.count, "buckets": [[one.up_to, one.count] for one in answer.buckets]}
    told: Row = {}
    if isinstance(answer, AggregateResult):
        told["value"] = answer.value
        if answer.previous is not None:
            told["previous"] = answer.previous
        parts = [
            [one.value for one in answer.series],
            [[*one.key.values(), one.value] for one in answer.groups],
        ]
    else:
        figures = cast("PercentileResult", answer)
        told |= {"count": figures.count, "values": figures.values}
        parts = [
            [one.values for one in figures.series],
            [[*one.key.values(), one.values] for one in figures.groups],
        ]
    return told | {name: part for name, part in zip(("series", "groups"), parts, strict=True) if part}


def _name(item: Any) -> str:  # noqa: ANN401  # a record or a name
    """What tells an item apart: its own id; of a span its trace's too."""
    if isinstance(item, str):
        return item
    for name in ("log_id", "metric_id", "score_id", "feedback_id"):
        if hasattr(item, name):
            return str(getattr(item, name))
    return f"{item.trace_id}/{item.span_id}"


# ---------------------------------------------------------------- what is asked for at all


def fields_asked(rows: list[Row]) -> dict[type[ContextQuery], set[str]]:
    """The fields of each kind of query that some row asks for."""
    found: dict[type[ContextQuery], set[str]] = {kind: set() for kind in QUERIES.values()}
    for row in rows:
        filters: Mapping[str, Any] = row.get("each") or row["query"]
        found[QUERIES[row["ask"]]] |= set(filters)
    return found


def fields_missing(rows: list[Row]) -> list[str]:
    """Fields of queries that no row asks for."""
    asked = fields_asked(rows)
    return sorted(
        f"{kind.__name__}.{name}" for kind in asked for name in kind.model_fields.keys() - asked[kind]
    )
