"""All that a store of all signals can be asked, and batches of all signals to ask about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mastra_core.storage.aggregation import Aggregation
from mastra_core.storage.discovery import MetricNameQuery
from mastra_core.storage.queries import (
    BranchQuery,
    FeedbackQuery,
    LogQuery,
    MetricQuery,
    ScoreQuery,
    TraceQuery,
)
from mastra_core.testing import figure_strategies as figures
from mastra_core.testing import log_strategies as logs
from mastra_core.testing import strategies as draw

Batches = Mapping[str, Sequence[Any]]
"""A batch for each method that writes one, in the order in which they are written."""

_PARTS: dict[str, SearchStrategy[Any]] = {
    "write_open_spans": draw.open_spans(),
    "write_spans": draw.ended_spans(),
    "write_logs": logs.logs(),
    "write_metrics": figures.metrics(),
    "write_scores": figures.scores(),
    "write_feedback": figures.feedback(),
}
_MOMENTS: dict[str, Any] = {
    "logs": LogQuery,
    "metrics": MetricQuery,
    "scores": ScoreQuery,
    "feedback": FeedbackQuery,
}
_MOST = 1_000


def batches() -> SearchStrategy[Batches]:
    """A batch of each signal, of spans two."""
    return st.fixed_dictionaries(
        {name: st.lists(items, max_size=6 if "spans" in name else 3) for name, items in _PARTS.items()}
    )


def write_all(store: Any, written: Batches) -> None:  # noqa: ANN401  # a store of all signals
    """Write a batch of each signal."""
    for method, batch in written.items():
        getattr(store, method)(batch)


def outlook(store: Any, trace_ids: Sequence[str] = draw.TRACE_IDS) -> dict[str, Any]:  # noqa: ANN401
    """What a store says of every row that it has, and of every trace: enough to compare two stores by.

    Cursors are left out, which differ from store to store.
    """
    said: dict[str, Any] = {
        "traces": store.list_traces(TraceQuery(limit=_MOST)),
        "branches": store.list_branches(BranchQuery(limit=_MOST)),
    }
    said |= {f"trace {trace_id}": store.get_trace(trace_id) for trace_id in trace_ids}
    for name, query in _MOMENTS.items():
        page = getattr(store, f"list_{name}")(query(limit=_MOST, after=""))
        said[f"{name} by arrival"] = (page.items, page.total)
    return said


def everything(store: Any, trace_ids: Sequence[str] = draw.TRACE_IDS) -> dict[str, Any]:  # noqa: ANN401
    """What a store says to every method that reads; about a hundred questions."""
    said = outlook(store, trace_ids)
    for trace_id in trace_ids:
        ids = [span.span_id for span in said[f"trace {trace_id}"]]
        said[f"root {trace_id}"] = store.get_root_span(trace_id)
        said[f"structure {trace_id}"] = store.get_trace_structure(trace_id)
        said[f"spans {trace_id}"] = store.get_spans(trace_id, ids)
        said[f"span by span {trace_id}"] = [store.get_span(trace_id, one) for one in ids]
        said[f"branches {trace_id}"] = [store.get_branch(trace_id, one) for one in dict.fromkeys(ids)]
    said["failed"] = store.list_traces(TraceQuery(has_child_error=True))
    for name, query in _MOMENTS.items():
        for how in ({}, {"trace_id": trace_ids}):
            page = getattr(store, f"list_{name}")(query(limit=_MOST, **how))
            said[f"{name} {how}"] = (page.items, page.total)
    for name in ("metrics", "scores", "feedback"):
        count = Aggregation("count", group_by=["service_name", "entity_name"])
        largest = Aggregation("max", group_by="user_id")
        said[f"{name} counted"] = getattr(store, f"aggregate_{name}")(None, count)
        said[f"{name} largest"] = getattr(store, f"aggregate_{name}")(None, largest)
        said[f"{name} shared"] = getattr(store, f"{name.removesuffix('s')}_percentiles")(None, [0.5])
    said["histogram"] = store.metric_histogram(MetricQuery(), buckets=[0, 1, 10])
    said["one by one"] = [(store.get_score(one), store.get_feedback(one)) for one in figures.IDS]
    for kind in ("entity_types", "entity_names", "services", "environments", "tags"):
        said[kind] = getattr(store, f"list_{kind}")()
    said["metric names"] = store.list_metric_names(MetricNameQuery(limit=_MOST))
    said["labels"] = [(key, store.list_label_values(key).items) for key in store.list_label_keys().items]
    return said
