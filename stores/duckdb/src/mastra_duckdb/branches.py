"""Spans without payloads: the structure of a trace, branches of it, and lists of branches."""

from __future__ import annotations

from mastra_core.signals.columns import SPANS
from mastra_core.signals.span import SpanRecord
from mastra_core.storage.branches import branch_of, check_depth
from mastra_core.storage.page import Page
from mastra_core.storage.queries import BranchQuery
from mastra_core.storage.span_outline import SpanOutline
from mastra_duckdb.filters import Conditions, branch_conditions, is_id
from mastra_duckdb.merging import page_among
from mastra_duckdb.schema import OPEN_SPANS, OUTLINES, read, trace_key
from mastra_duckdb.traces import IN_ITS_BATCHES, SHOWN_OPEN, get_spans, gone_of
from mastra_duckdb.turn import Turn

_OUTLINE_LIST = read(OUTLINES.columns)


def get_structure(turn: Turn, trace_id: str) -> list[SpanOutline]:
    """All spans of a trace without payloads, the root first, then in order of start."""
    if not is_id(trace_id):
        return []
    where = Conditions()
    where.equal("trace_id", trace_id)
    rows = turn.rows(
        f"SELECT {_OUTLINE_LIST} FROM {SPANS.name} WHERE {where.sql} AND {IN_ITS_BATCHES}",
        [*where.parameters, trace_key(trace_id)],
    )
    spans = [*(OUTLINES.record_of(row) for row in rows), *_open(turn, where)]
    return sorted(spans, key=lambda span: (not span.is_root, span.started_at_ns, span.span_id))


def get_branch(turn: Turn, trace_id: str, span_id: str, depth: int | None) -> list[SpanRecord]:
    """A span and those below it; payloads are read of these alone."""
    check_depth(depth)
    branch = branch_of(get_structure(turn, trace_id), span_id, depth)
    if not branch:
        return []
    spans = get_spans(turn, trace_id, [span.span_id for span in branch])
    by_key = {(span.span_id, span.started_at_ns): span for span in spans}
    return [by_key[span.span_id, span.started_at_ns] for span in branch]


def list_branches(turn: Turn, query: BranchQuery) -> Page[SpanOutline]:
    """The spans that match, ended or open, a page of them."""
    where = branch_conditions(query)
    return page_among(turn, query, OUTLINES, where, (SPANS.time, "trace_id", "span_id"), _open(turn, where))


def _open(turn: Turn, where: Conditions) -> list[SpanOutline]:
    processes = turn.rows(f"SELECT DISTINCT process FROM {OPEN_SPANS.name}")
    if not processes:
        return []
    gone = gone_of({process for (process,) in processes})
    rows = turn.rows(f"SELECT {_OUTLINE_LIST} FROM {SHOWN_OPEN} WHERE {where.sql}", [gone, *where.parameters])
    return [OUTLINES.record_of(row) for row in rows]
