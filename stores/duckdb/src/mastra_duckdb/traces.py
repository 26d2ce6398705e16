"""Reading spans and lists of traces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mastra_core.signals.columns import SPANS
from mastra_core.signals.process import is_process_gone
from mastra_core.signals.span import SpanRecord
from mastra_core.storage.page import Page
from mastra_core.storage.queries import TraceQuery
from mastra_core.storage.trace_summary import TraceSummary
from mastra_duckdb.connection import Turn
from mastra_duckdb.filters import Conditions, trace_conditions
from mastra_duckdb.schema import FAILED_TRACES, OPEN_SPANS, ROOT_COLUMNS, SUMMARIES, names, quote, read

_SPAN_LIST = read(SPANS.columns)
_SUMMARY_LIST = read(SUMMARIES.columns)
_ROOT_LIST = ", ".join(map(quote, names(ROOT_COLUMNS)))

_OPEN_STATUS = "CASE WHEN list_contains(?::VARCHAR[], process) THEN 'interrupted' ELSE 'running' END"
_OPEN = f"(SELECT * REPLACE ({_OPEN_STATUS} AS status) FROM {OPEN_SPANS.name})"
_EARLIER = "e.trace_id = r.trace_id AND (e.started_at, e.span_id) < (r.started_at, r.span_id)"
_OPEN_AND_ENDED_ROOTS = f"""(
WITH open_roots AS MATERIALIZED (SELECT * FROM {_OPEN} WHERE parent_span_id IS NULL)
SELECT {_ROOT_LIST} FROM {SUMMARIES.name} AS r
WHERE NOT EXISTS (SELECT 1 FROM open_roots AS e WHERE {_EARLIER})
UNION ALL
SELECT {_ROOT_LIST} FROM open_roots AS r
WHERE NOT EXISTS (SELECT 1 FROM open_roots AS e WHERE {_EARLIER})
AND NOT EXISTS (SELECT 1 FROM {SUMMARIES.name} AS e WHERE {_EARLIER})
)"""


def get_spans(turn: Turn, trace_id: str, span_ids: Sequence[str] | None = None) -> list[SpanRecord]:
    """The spans of a trace, ended or open, in order of start; of all, or of these ids."""
    where = Conditions()
    where.equal("trace_id", trace_id)
    where.one_of("span_id", span_ids)
    rows = turn.rows(f"SELECT {_SPAN_LIST} FROM {SPANS.name} WHERE {where.sql}", where.parameters)
    gone = _gone_processes(turn, where)
    if gone is not None:
        parameters = [gone, *where.parameters]
        rows += turn.rows(f"SELECT {_SPAN_LIST} FROM {_OPEN} WHERE {where.sql}", parameters)
    records = [SPANS.record_of(row) for row in rows]
    return sorted(records, key=lambda span: (span.started_at_ns, span.span_id))


def get_trace(turn: Turn, trace_id: str) -> list[SpanRecord]:
    """All spans of a trace, the root first, then in order of start."""
    return sorted(get_spans(turn, trace_id), key=lambda span: not span.is_root)


def list_traces(turn: Turn, query: TraceQuery) -> Page[TraceSummary]:
    """The traces whose root matches, a page of them."""
    where = trace_conditions(query)
    source, parameters = SUMMARIES.name, where.parameters
    gone = _gone_processes(turn, Conditions())
    if gone is not None:
        source, parameters = _OPEN_AND_ENDED_ROOTS, [gone, *where.parameters]
    direction = "DESC" if query.order == "newest" else "ASC"
    order = f"ORDER BY {SPANS.time} {direction}, trace_id {direction}"
    rows = turn.rows(
        f"SELECT {_SUMMARY_LIST}, trace_id IN (SELECT trace_id FROM {FAILED_TRACES}) "
        f"FROM (SELECT * FROM {source} WHERE {where.sql} {order} LIMIT ? OFFSET ?) {order}",
        [*parameters, query.limit, min(query.offset, _FARTHEST)],
    )
    if len(rows) == query.limit or (query.offset and not rows):
        total = turn.rows(f"SELECT count(*) FROM {source} WHERE {where.sql}", parameters)[0][0]
    else:
        total = query.offset + len(rows)  # the page is not full, so it is the last
    return Page([_summary(row) for row in rows], total, query.limit, query.offset)


_FARTHEST = 2**62
"""An offset that the engine takes and no table reaches."""


def _gone_processes(turn: Turn, where: Conditions) -> list[str] | None:
    """Which of the processes with open spans have ended; None where no span is open."""
    rows = turn.rows(f"SELECT DISTINCT process FROM {OPEN_SPANS.name} WHERE {where.sql}", where.parameters)
    if not rows:
        return None
    return [process for (process,) in rows if process is not None and is_process_gone(process)]


def _summary(row: tuple[Any, ...]) -> TraceSummary:
    *values, has_child_error = row
    return SUMMARIES.record_of(values).model_copy(update={"has_child_error": has_child_error})
