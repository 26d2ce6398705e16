"""Reading spans and lists of traces."""

from __future__ import annotations

from collections.abc import Sequence

from mastra_core.signals.columns import SPANS
from mastra_core.signals.process import is_process_gone
from mastra_core.signals.span import SpanRecord
from mastra_core.storage.page import Page
from mastra_core.storage.queries import TraceQuery
from mastra_core.storage.trace_summary import TraceSummary
from mastra_duckdb.filters import Conditions, is_id, trace_conditions
from mastra_duckdb.merging import page_among
from mastra_duckdb.schema import FAILED_TRACES, OPEN_SPANS, SUMMARIES, TRACE_BATCHES, read, trace_key
from mastra_duckdb.turn import Turn

_SPAN_LIST = read(SPANS.columns)
_SUMMARY_LIST = read(SUMMARIES.columns)

IN_ITS_BATCHES = f"batch IN (SELECT batch FROM {TRACE_BATCHES} WHERE trace_key = ?)"
"""Holds of all ended spans of a trace whose key is the parameter, and bounds what is read of the others."""

SHOWN_OPEN = f"""(
SELECT * REPLACE (
    CASE WHEN list_contains(?::VARCHAR[], process) THEN 'interrupted' ELSE 'running' END AS status
),
trace_id IN (SELECT trace_id FROM {FAILED_TRACES}) AS has_child_error
FROM {OPEN_SPANS.name}
)"""
"""Open spans with what is to be said of them; the parameter are the processes that are gone."""


def get_spans(turn: Turn, trace_id: str, span_ids: Sequence[str] | None = None) -> list[SpanRecord]:
    """The spans of a trace, ended or open, in order of start; of all, or of these ids."""
    if not is_id(trace_id):
        return []
    where = Conditions()
    where.equal("trace_id", trace_id)
    where.one_of("span_id", span_ids)
    rows = turn.rows(
        f"SELECT {_SPAN_LIST} FROM {SPANS.name} WHERE {where.sql} AND {IN_ITS_BATCHES}",
        [*where.parameters, trace_key(trace_id)],
    )
    processes = turn.rows(
        f"SELECT DISTINCT process FROM {OPEN_SPANS.name} WHERE {where.sql}", where.parameters
    )
    if processes:
        gone = gone_of({process for (process,) in processes})
        rows += turn.rows(
            f"SELECT {_SPAN_LIST} FROM {SHOWN_OPEN} WHERE {where.sql}", [gone, *where.parameters]
        )
    records = [SPANS.record_of(row) for row in rows]
    return sorted(records, key=lambda span: (span.started_at_ns, span.span_id))


def get_trace(turn: Turn, trace_id: str) -> list[SpanRecord]:
    """All spans of a trace, the root first, then in order of start."""
    return sorted(get_spans(turn, trace_id), key=lambda span: not span.is_root)


def list_traces(turn: Turn, query: TraceQuery) -> Page[TraceSummary]:
    """The traces whose root matches, a page of them."""
    running, hidden = _running_traces(turn, query)
    where = trace_conditions(query)
    if hidden:
        where.add(f"trace_id NOT IN ({', '.join('?' * len(hidden))})", *hidden)
    return page_among(turn, query, SUMMARIES, where, (SUMMARIES.time, "trace_id"), running)


def _running_traces(turn: Turn, query: TraceQuery) -> tuple[list[TraceSummary], list[str]]:
    """The traces whose root is open, and those whose stored root is none, for an open one is earlier."""
    roots = turn.rows(
        f"SELECT trace_id, epoch_ns(started_at), span_id, process FROM {OPEN_SPANS.name} "
        "WHERE parent_span_id IS NULL"
    )
    if not roots:
        return [], []
    earliest: dict[str, tuple[int, str]] = {}
    for trace_id, *age, _ in roots:
        earliest[trace_id] = min(earliest.get(trace_id, (age[0], age[1])), (age[0], age[1]))
    hidden: list[str] = []
    for trace_id, *age in turn.rows(
        f"SELECT trace_id, epoch_ns(started_at), span_id FROM {SUMMARIES.name} "
        "WHERE trace_id IN (SELECT unnest(?::VARCHAR[]))",
        [list(earliest)],
    ):
        if (age[0], age[1]) < earliest[trace_id]:
            del earliest[trace_id]
        else:
            hidden.append(trace_id)
    where = trace_conditions(query)
    where.add("parent_span_id IS NULL")
    gone = gone_of({process for *_, process in roots})
    rows = turn.rows(f"SELECT {_SUMMARY_LIST} FROM {SHOWN_OPEN} WHERE {where.sql}", [gone, *where.parameters])
    traces = [SUMMARIES.record_of(row) for row in rows]
    running = [
        trace for trace in traces if earliest.get(trace.trace_id) == (trace.started_at_ns, trace.span_id)
    ]
    return running, hidden


def gone_of(processes: set[str | None]) -> list[str]:
    """Those of these processes that are known to be gone."""
    return [process for process in processes if process is not None and is_process_gone(process)]
